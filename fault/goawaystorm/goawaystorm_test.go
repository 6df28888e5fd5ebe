package goawaystorm

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// What a real client makes of it is tried in adapter/stabilitygrpc.
func TestConnectionsEndInTurn(t *testing.T) {
	for reason, want := range map[string]struct {
		code   uint32
		debug  string
		strict bool
	}{
		"too_many_pings": {enhanceYourCalm, "too_many_pings", true},
		"graceful":       {0, "graceful_stop", false},
	} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				injection, err := Fault.Inject(t.Context(), fault.Settings{"reason": reason, "every": "2s", "permitted": "30s"}, 1)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				ended := 0
				for range 100 { // ten seconds
					if code, debug, hit := faultpoint.GoAway()(); hit {
						ended++
						if code != want.code || debug != want.debug {
							t.Errorf("GOAWAY says %d, %q", code, debug)
						}
					}
					<-time.After(100 * time.Millisecond)
				}
				if ended != 5 {
					t.Errorf("%d connections end in ten seconds, want 5", ended)
				}
				if permitted := faultpoint.Permitted(); (permitted != nil) != want.strict || want.strict && permitted() != 30*time.Second {
					t.Errorf("what is permitted is set: %t, want %t", permitted != nil, want.strict)
				}
				if w := injection.Witness(); !w.Active || w.Value != 5 {
					t.Errorf("witness = %+v, want active with 5", w)
				}
				faulttest.Remove(t, injection)
				if faultpoint.GoAway() != nil || faultpoint.Permitted() != nil {
					t.Error("the fault still decides")
				}
			})
		})
	}
}
