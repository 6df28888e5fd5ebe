package hotconfig

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

// service is a service in virtual time whose failures follow from its load and its configuration.
type service struct {
	config   *Value[testConfig]
	random   *rand.Rand
	load     float64 // requests per second
	requests atomic.Int64
	failures atomic.Int64
}

// step is a tenth of a second of it.
func (s *service) step() {
	c := s.config.Get()
	n := s.load / 10 * (0.8 + 0.4*s.random.Float64())
	capacity := float64(c.Pool.Size) / 0.1 / 10 // each request holds one of the pool for 100 ms
	failed := n * 0.01 * s.random.Float64()     // now and then one fails anyway
	switch {
	case len(c.Hosts) == 0, c.Pool.Timeout < 20*time.Millisecond, !c.Features["fast"]:
		failed = n
	case n > capacity:
		failed += n - capacity
	}
	s.requests.Add(int64(n))
	s.failures.Add(int64(failed))
}

// run steps it for so long, in virtual time.
func (s *service) run(d time.Duration, each func() bool) {
	for begun := time.Now(); time.Since(begun) < d; {
		<-time.After(100 * time.Millisecond)
		s.step()
		if each != nil && each() {
			return
		}
	}
}

// newService starts it with a contract on its failures, and a configuration with a rollback in that mode.
func newService(t *testing.T, seed uint64, mode RollbackMode) (s *service, path string, end func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "c.yaml")
	write(t, path, good)
	s = &service{random: rand.New(rand.NewPCG(seed, 1)), load: 200}
	m := stability.NewMonitor(stability.Config{Logger: quiet(), Warmup: -1})
	for name, n := range map[string]*atomic.Int64{"app.requests": &s.requests, "app.failures": &s.failures} {
		if err := m.Attach(signals.CounterFunc(name, signals.Count, func() float64 { return float64(n.Load()) })); err != nil {
			t.Fatal(err)
		}
	}
	err := m.Register(&stability.Contract{Name: "sla", Interval: time.Second, Checks: []stability.Check{
		{Name: "failures", Expr: "rate(app.failures[5s]) > 5% * rate(app.requests[5s])", For: 2 * time.Second}}})
	if err == nil {
		err = m.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	options := quick()
	options.Rollback = Rollback{Mode: mode, Broken: Contracts(m, "sla")}
	s.config = unwatched(t, path, options)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.config.run(ctx, &watcher{})
	}()
	return s, path, func() {
		cancel()
		<-done
		m.Stop()
	}
}

func (s *service) change(t *testing.T, path, content string) {
	t.Helper()
	write(t, path, content)
	if err := s.config.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
}

var harmful = map[string]string{
	"pool of 1":       strings.Replace(good, "size: 50", "size: 1", 1),
	"timeout of 10ms": strings.Replace(good, "250ms", "10ms", 1),
	"limit off":       strings.Replace(good, "fast: true", "fast: false", 1),
	"empty list":      strings.Replace(good, "[a, b]", "[]", 1),
	"no features":     strings.Replace(good, "  fast: true\n", "  slow: true\n", 1),
	"pool of 5":       strings.Replace(good, "size: 50", "size: 5", 1),
}

// Eighteen harmful configurations, all valid: each is gone within ten seconds.
func TestHarmfulConfigurationGoesBack(t *testing.T) {
	worst := time.Duration(0)
	for run := range uint64(3) {
		for name, content := range harmful {
			synctest.Test(t, func(t *testing.T) {
				s, path, end := newService(t, run, On)
				defer end()
				s.run(20*time.Second+time.Duration(s.random.IntN(5000))*time.Millisecond, nil)
				s.change(t, path, content)
				begun := time.Now()
				s.run(time.Minute, func() bool { return s.config.Generation() == 3 })
				took := time.Since(begun)
				worst = max(worst, took)
				status := s.config.Status()
				if took > 10*time.Second || len(Diff(s.config.Get(), must(decodeFile[testConfig](quick(), path, formatYAML, []byte(good))))) > 0 {
					t.Fatalf("run %d, %s: back after %v: %+v", run, name, took, status)
				}
				if r := status.Last; r == nil || r.From != 2 || r.To != 1 || len(r.Diff) == 0 || r.Broken[0] != "sla/failures" || !strings.Contains(status.Error, "generation 2 did harm: sla/failures broke") {
					t.Errorf("run %d, %s: %+v", run, name, status)
				}
				// It does not come again by itself, but when a person says so.
				s.run(5*time.Minute, nil)
				if err := s.config.Reload(t.Context()); err == nil || s.config.Generation() != 3 {
					t.Errorf("run %d, %s: it came again: %v", run, name, err)
				}
				s.config.Accept(status.Last.Hash)
				s.run(time.Second, nil)
				if s.config.Generation() != 4 {
					t.Errorf("run %d, %s: a person said that it may come, and it did not", run, name)
				}
			})
		}
	}
	t.Logf("the slowest of %d was back after %v", 3*len(harmful), worst)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The load changes right after a harmless reload, in 59 shapes: nothing goes back.
func TestHarmlessConfigurationStays(t *testing.T) {
	for run := range uint64(59) {
		synctest.Test(t, func(t *testing.T) {
			s, path, end := newService(t, run, On)
			defer end()
			s.run(20*time.Second, nil)
			s.change(t, path, strings.Replace(good, "50", fmt.Sprint(51+s.random.IntN(40)), 1))
			s.run(90*time.Second, func() bool {
				switch s.random.IntN(50) { // a step, a spike's beginning or end, a slope
				case 0:
					s.load = 20 + 330*s.random.Float64()
				case 1:
					s.load = 350
				default:
					s.load = min(350, s.load*(0.98+0.04*s.random.Float64()))
				}
				return s.config.Generation() != 2
			})
			if status := s.config.Status(); status.Generation != 2 || status.Reverted != 0 || status.Trial {
				t.Errorf("run %d: %+v", run, status)
			}
		})
	}
}

// What was broken before, or had begun to be, is not held against a reload.
func TestOldTroubleIsNoFaultOfTheReload(t *testing.T) {
	for _, lead := range []time.Duration{0, 2, 4, 30} { // seconds before the reload
		synctest.Test(t, func(t *testing.T) {
			s, path, end := newService(t, 1, On)
			defer end()
			s.run(20*time.Second, nil)
			s.load = 2000 // far beyond what the pool takes
			s.run(lead*time.Second+1500*time.Millisecond, nil)
			s.change(t, path, strings.Replace(good, "50", "55", 1))
			s.run(2*time.Minute, nil)
			if status := s.config.Status(); status.Generation != 2 || status.Reverted != 0 {
				t.Errorf("trouble %v s before: %+v", lead, status)
			}
		})
	}
}

// Of several changes in a row, one that does harm takes all back to what is known to behave well.
func TestBackToTheLastThatBehavedWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path, end := newService(t, 1, On)
		defer end()
		s.run(20*time.Second, nil)
		s.change(t, path, strings.Replace(good, "50", "60", 1))
		s.run(2*time.Minute, nil) // it has behaved well
		s.change(t, path, strings.Replace(good, "50", "70", 1))
		s.run(5*time.Second, nil) // it has not yet
		s.change(t, path, harmful["empty list"])
		s.run(20*time.Second, nil)
		if got := s.config.Get().Pool.Size; got != 60 || s.config.Generation() != 5 {
			t.Errorf("in force is a pool of %d, generation %d", got, s.config.Generation())
		}
	})
}

func TestDryRunOnlyTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path, end := newService(t, 1, DryRun)
		defer end()
		s.run(20*time.Second, nil)
		s.change(t, path, harmful["empty list"])
		s.run(20*time.Second, nil)
		if status := s.config.Status(); status.Generation != 2 || status.Reverted != 1 || status.Last == nil || !status.Last.DryRun || status.Error != "" {
			t.Errorf("%+v", status)
		}
	})
	synctest.Test(t, func(t *testing.T) { // and Off does nothing
		path := filepath.Join(t.TempDir(), "c.yaml")
		write(t, path, good)
		v := unwatched(t, path, quick())
		write(t, path, harmful["empty list"])
		if err := v.Reload(t.Context()); err != nil || v.Status().Reverted != 0 || v.trial != nil {
			t.Errorf("%v, %+v", err, v.Status())
		}
	})
}

// Broken is the host's code.
func TestBrokenThatHangsOrPanics(t *testing.T) {
	for name, broken := range map[string]func() []Breach{
		"hangs":  func() []Breach { <-time.After(time.Hour); return []Breach{{Name: "late"}} },
		"panics": func() []Breach { panic("nil map") },
	} {
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.yaml")
			write(t, path, good)
			options := quick()
			options.Rollback = Rollback{Mode: On, Broken: broken}
			v := unwatched(t, path, options)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); v.run(ctx, &watcher{}) }()
			write(t, path, strings.Replace(good, "50", "60", 1))
			if err := v.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			<-time.After(2 * time.Hour)
			if v.Get().Pool.Size != 60 || v.Status().Reverted != 0 {
				t.Errorf("%s: %+v", name, v.Status())
			}
			cancel()
			<-done
		})
	}
}
