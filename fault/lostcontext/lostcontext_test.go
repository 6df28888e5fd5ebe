package lostcontext

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/signals/httpserver"
)

type key struct{}

func TestRequestsLoseTheirContext(t *testing.T) {
	for share, want := range map[string][2]int{"100%": {200, 200}, "50%": {70, 130}} {
		t.Run(share, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				injection, err := Fault.Inject(t.Context(), fault.Settings{"share": share}, 7)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				tracker := httpserver.New(httpserver.Config{})
				lost := 0
				handler := tracker.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					_, bounded := r.Context().Deadline()
					if bounded != (r.Context().Done() != nil) {
						t.Error("a deadline without a cancellation, or the reverse")
					}
					if !bounded {
						lost++
					}
					if r.Context().Value(key{}) != "trace" {
						t.Error("a value was lost")
					}
				}))
				ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "trace"), time.Minute)
				defer cancel()
				serve := func() {
					handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(ctx))
				}
				for range 200 {
					serve()
				}
				if lost < want[0] || lost > want[1] {
					t.Errorf("%d of 200 requests lost their context, want %v", lost, want)
				}
				if w := injection.Witness(); !w.Active || int(w.Value) != lost {
					t.Errorf("witness = %+v, want active with %d", w, lost)
				}
				faulttest.Remove(t, injection)
				lost = 0
				if serve(); lost != 0 {
					t.Error("the fault is still in the requests' way")
				}
			})
		})
	}
}
