package earlyready

import (
	"testing"
	"testing/synctest"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

func TestAShareOfTheRequestsComesEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		injection, err := Fault.Inject(t.Context(), fault.Settings{"share": "30%"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		early := 0
		for range 1000 {
			if faultpoint.Cold()() {
				early++
			}
		}
		if w := injection.Witness(); early < 250 || early > 350 || w.Value != float64(early) || !w.Active {
			t.Errorf("%d of 1000 requests come early, the witness says %+v, want 30%%", early, w)
		}
		faulttest.Remove(t, injection)
		if faultpoint.Cold() != nil {
			t.Error("the fault is still there")
		}
	})
}
