package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	alex "github.com/alexliesenfeld/health"
	hellofresh "github.com/hellofresh/health-go/v5"
	"github.com/heptiolabs/healthcheck"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/health"
	"github.com/falsifiable/stability/internal/eventually"
)

// dependency answers its check at once, or hangs whatever the context says, as a driver does that waits for a socket.
type dependency struct {
	hangs    atomic.Bool
	released chan struct{}
}

func (d *dependency) check(context.Context) error {
	if d.hangs.Load() {
		<-d.released
	}
	return nil
}

const (
	checkEvery   = 20 * time.Millisecond
	checkTimeout = 20 * time.Millisecond
)

// readiness is the handler of /readyz by each library, over one dependency.
func readiness(t testing.TB, d *dependency) map[string]http.Handler {
	components := must(health.Watch(t.Context(), health.Component{Name: "db", Check: d.check, Role: health.Local,
		Interval: checkEvery, Timeout: checkTimeout, MaxAge: 2 * (checkEvery + checkTimeout)}))
	heptio := healthcheck.NewHandler()
	heptio.AddReadinessCheck("db", healthcheck.AsyncWithContext(t.Context(), func() error { return d.check(nil) }, checkEvery))
	onDemand := must(hellofresh.New(hellofresh.WithChecks(hellofresh.Config{Name: "db", Timeout: checkTimeout, Check: d.check})))
	checker := alex.NewChecker(alex.WithPeriodicCheck(checkEvery, 0, alex.Check{Name: "db", Timeout: checkTimeout, Check: d.check}))
	t.Cleanup(checker.Stop)
	return map[string]http.Handler{
		"ours":           health.Handler(stability.NewMonitor(stability.Config{}), health.Options{Components: components}),
		"heptio-async":   http.HandlerFunc(heptio.ReadyEndpoint),
		"health-go":      onDemand.Handler(),
		"alexliesenfeld": alex.NewHandler(checker),
	}
}

func answer(h http.Handler) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	return w.Code
}

// A check that hangs: who says so, and who goes on telling the last good news? What peers do is logged, not judged.
func TestHungCheck(t *testing.T) {
	d := &dependency{released: make(chan struct{})}
	handlers := readiness(t, d)
	t.Cleanup(func() { close(d.released) })
	for name, h := range handlers {
		eventually.Holds(t, name+" is ready at first", func() bool { return answer(h) == http.StatusOK })
	}
	d.hangs.Store(true)
	eventually.Holds(t, "ours says that the check hangs", func() bool { return answer(handlers["ours"]) == http.StatusServiceUnavailable })
	<-time.After(10 * checkEvery) // that the others had the time to notice too
	const probes = 20
	ask := func(h http.Handler) (ok, grown int) {
		before := runtime.NumGoroutine()
		for range probes {
			if answer(h) == http.StatusOK {
				ok++
			}
		}
		return ok, runtime.NumGoroutine() - before
	}
	for name, h := range handlers {
		ok, grown := ask(h)
		for tries := 1; name == "ours" && ok == 0 && grown > 2 && tries < 5; tries++ { // on a busy machine the peers have begun checks meanwhile
			ok, grown = ask(h)
		}
		t.Logf("%-15s %d of %d probes answered 200 while the check hung; %+d goroutines", name, ok, probes, grown)
		if name == "ours" && (ok > 0 || grown > 2) {
			t.Errorf("ours answered %d probes by 200 and left %d goroutines behind", ok, grown)
		}
	}
}

// BenchmarkReadyz is one answer of /readyz over one healthy dependency. health-go runs the check each time, the others keep a result.
func BenchmarkReadyz(b *testing.B) {
	for name, h := range readiness(b, &dependency{}) {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/readyz", nil)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
