package standin

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

func TestReadingsAreReplaced(t *testing.T) {
	for name, test := range map[string]struct {
		settings fault.Settings
		want     []float64 // what 10, 20 and 30 become, a second apart
	}{
		"set":    {fault.Settings{"value": "7"}, []float64{7, 7, 7}},
		"grow":   {fault.Settings{"move": "grow", "value": "100"}, []float64{10, 120, 230}},
		"freeze": {fault.Settings{"move": "freeze"}, []float64{10, 10, 10}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.settings["signal"] = "queue"
				injection, err := Fault.Inject(t.Context(), test.settings, 1)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if injection.Witness().Active {
					t.Error("active before anything was read")
				}
				for i, want := range test.want {
					if got := faultpoint.Reading()("queue", "", float64(10*(i+1))); got != want {
						t.Errorf("reading %d is %v, want %v", i, got, want)
					}
					if got := faultpoint.Reading()("other", "", 5); got != 5 {
						t.Errorf("another signal reads %v", got)
					}
					<-time.After(time.Second)
				}
				if w := injection.Witness(); !w.Active || w.Value != 3 {
					t.Errorf("witness = %+v", w)
				}
				faulttest.Remove(t, injection)
				if faultpoint.Reading() != nil {
					t.Error("it still speaks")
				}
			})
		})
	}
}

func TestTheSignalMustBeNamed(t *testing.T) {
	if _, err := Fault.Inject(t.Context(), nil, 1); err == nil {
		t.Error("an order without a signal is taken")
	}
}
