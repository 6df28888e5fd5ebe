package callfailure

import (
	"testing"
	"testing/synctest"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

func TestCallsFail(t *testing.T) {
	for name, test := range map[string]struct {
		settings    fault.Settings
		least, most int // of 200 calls
		attempts    int
	}{
		"all":                 {nil, 200, 200, 5},
		"half":                {fault.Settings{"share": "50%", "attempts": "1"}, 70, 130, 1},
		"the first, then not": {fault.Settings{"first": "20"}, 20, 20, 5},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				injection, err := Fault.Inject(t.Context(), test.settings, 7)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				failed := 0
				for i := range 200 {
					attempts, err := faultpoint.Call()()
					if err == nil {
						continue
					}
					failed++
					if attempts != test.attempts || test.settings["first"] != "" && i >= 20 {
						t.Errorf("call %d fails after %d attempts", i, attempts)
					}
				}
				if failed < test.least || failed > test.most {
					t.Errorf("%d of 200 calls fail, want %d to %d", failed, test.least, test.most)
				}
				if w := injection.Witness(); !w.Active || int(w.Value) != failed {
					t.Errorf("witness = %+v, want active with %d", w, failed)
				}
				faulttest.Remove(t, injection)
				if faultpoint.Call() != nil {
					t.Error("the fault is still in the calls' way")
				}
			})
		})
	}
}
