package servererror

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

func TestRequestsAreAnsweredWithAnError(t *testing.T) {
	for name, test := range map[string]struct {
		settings    fault.Settings
		least, most int // of 200 requests
		status      int
	}{
		"half": {nil, 70, 130, 500},
		"all":  {fault.Settings{"share": "100%", "status": "503"}, 200, 200, 503},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				injection, err := Fault.Inject(t.Context(), test.settings, 7)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				failed := 0
				for range 200 {
					w := httptest.NewRecorder()
					if faultpoint.Handler()(w, httptest.NewRequest("GET", "/", nil)) {
						failed++
						if w.Code != test.status {
							t.Errorf("status %d, want %d", w.Code, test.status)
						}
					}
				}
				if failed < test.least || failed > test.most {
					t.Errorf("%d of 200 requests fail, want %d to %d", failed, test.least, test.most)
				}
				if w := injection.Witness(); !w.Active || int(w.Value) != failed {
					t.Errorf("witness = %+v, want active with %d", w, failed)
				}
				faulttest.Remove(t, injection)
				if faultpoint.Handler() != nil {
					t.Error("the fault is still in the requests' way")
				}
			})
		})
	}
}

func TestCallsEndWithAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		injection, err := Fault.Inject(t.Context(), fault.Settings{"where": "grpc", "share": "100%"}, 7)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := faultpoint.Pass(t.Context(), faultpoint.RPCServe); err == nil || !injection.Witness().Active {
			t.Errorf("a call ends with %v, witness %+v", err, injection.Witness())
		}
		faulttest.Remove(t, injection)
		if err := faultpoint.Pass(t.Context(), faultpoint.RPCServe); err != nil {
			t.Errorf("after removal: %v", err)
		}
	})
}
