package bulkhead

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// server is a dependency that serves so many calls at once in that time; more of them share it.
type server struct {
	capacity int
	service  time.Duration
}

func (s server) latency(inFlight int) time.Duration {
	return time.Duration(float64(s.service) * max(1, float64(inFlight)/float64(s.capacity)))
}

// run steps a model against a server for n intervals of so much demand and returns the mean limit of the last quarter.
func run(m *model, s server, demand, n int, random *rand.Rand) float64 {
	total := 0
	for i := range n {
		used := min(m.limit, demand)
		noise := 1 + 0.1*random.NormFloat64()
		m.step(time.Duration(float64(s.latency(used))*max(0.5, noise)), used)
		if i >= n-n/4 {
			total += m.limit
		}
	}
	return float64(total) / float64(n/4)
}

func TestLimitFindsTheCapacity(t *testing.T) {
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 0))
		for _, capacity := range []int{8, 50, 300} {
			m := &model{least: 4, most: 10_000, limit: 4}
			s := server{capacity, 10 * time.Millisecond}
			if got := run(m, s, 100_000, 200, random); got < float64(capacity) || got > 3*float64(capacity) {
				t.Errorf("seed %d: an overloaded server with capacity %d gets a limit of %v", seed, capacity, got)
			}
			s.capacity /= 2 // half of its machines are lost
			if got := run(m, s, 100_000, 200, random); got < float64(s.capacity) || got > 3*float64(s.capacity) {
				t.Errorf("seed %d: after a loss, capacity %d gets a limit of %v", seed, s.capacity, got)
			}
			s.service *= 3 // a new version takes longer, at whatever load
			if got := run(m, s, 100_000, 400, random); got < float64(s.capacity)/2 || got > 3*float64(s.capacity) {
				t.Errorf("seed %d: after a change, capacity %d gets a limit of %v", seed, s.capacity, got)
			}
		}
	}
}

func TestLimitStaysWhereItIsWithoutNeed(t *testing.T) {
	m := &model{least: 4, most: 1000, limit: 100}
	s := server{1000, 10 * time.Millisecond}
	if got := run(m, s, 60, 100, rand.New(rand.NewPCG(1, 1))); got != 100 {
		t.Errorf("60 places in use of 100, all quick: the limit becomes %v, want 100", got)
	}
	// A dependency that is slow for reasons of its own gains nothing from fewer places.
	s.service *= 10
	if got := run(m, s, 20, 100, rand.New(rand.NewPCG(1, 1))); got != 100 {
		t.Errorf("20 places in use of 100, all slow: the limit becomes %v, want 100", got)
	}
	if m.best < 60*time.Millisecond { // noise draws it down a little
		t.Errorf("the best latency is %v after 100 unhurried intervals of 100 ms", m.best)
	}
}

func TestLimitDoublesUntilItHasSeenCongestion(t *testing.T) {
	m := &model{least: 4, most: 10_000, limit: 4}
	for range 8 {
		m.step(time.Second, m.limit)
	}
	if m.limit != 1024 {
		t.Errorf("limit %d after 8 quick intervals, want 4·2⁸", m.limit)
	}
	m.step(3*time.Second, m.limit)
	slow := m.limit
	m.step(time.Second, m.limit)
	if slow != 921 || m.limit != 921+30 {
		t.Errorf("limits %d and %d after a slow and a quick interval, want 921 and 951", slow, m.limit)
	}
}

func TestLimitNeverLeavesItsBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	for range 200 {
		least := 1 + random.IntN(10)
		m := &model{least: least, most: least + random.IntN(50), limit: least}
		for range 200 {
			got := m.step(time.Duration(1+random.Int64N(1e9)), random.IntN(100))
			if got < m.least || got > m.most || m.best <= 0 {
				t.Fatalf("limit %d between %d and %d, best %v", got, m.least, m.most, m.best)
			}
		}
	}
}

// overload offers 40 callers to a server of ten and returns the bulkhead afterwards.
func overload(t *testing.T, c Config) *Bulkhead {
	b := mustNew(t, c)
	var mu sync.Mutex
	inFlight := 0
	stop, s := time.Now().Add(15*time.Second), server{10, 10 * time.Millisecond}
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() {
			for time.Now().Before(stop) {
				_ = b.Do(t.Context(), func(context.Context) error {
					mu.Lock()
					inFlight++
					d := s.latency(inFlight)
					mu.Unlock()
					<-time.After(d)
					mu.Lock()
					inFlight--
					mu.Unlock()
					return nil
				})
				<-time.After(time.Millisecond)
			}
		})
	}
	group.Wait()
	check(t, b, 0, 0)
	return b
}

func TestAdaptiveBulkhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := overload(t, Config{Limit: 200, Adaptive: true, MaxWait: time.Second})
		if got := b.Dump().Limit; got < 10 || got > 30 {
			t.Errorf("a server of ten gets a limit of %d", got)
		}
		if err := b.Reconfigure(Config{Limit: 8}); err != nil || b.Dump().Limit != 8 {
			t.Errorf("a lower bound: %v, limit %d, want 8", err, b.Dump().Limit)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if got := overload(t, Config{Limit: 200}).Dump().Limit; got != 200 {
			t.Errorf("a limit that is not adaptive moved to %d", got)
		}
	})
}

func TestQuickFailuresDoNotPassForAQuickDependency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{Limit: 100, Adaptive: true})
		call := func(d time.Duration, err error) {
			_ = b.Do(t.Context(), func(context.Context) error { <-time.After(d); return err })
		}
		for range 30 {
			call(100*time.Millisecond, nil)
		}
		for range 300 {
			call(time.Millisecond, errors.New("connection refused"))
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.adaptive.model.best < 90*time.Millisecond {
			t.Errorf("best latency %v after calls of 100 ms and quick failures", b.adaptive.model.best)
		}
	})
}
