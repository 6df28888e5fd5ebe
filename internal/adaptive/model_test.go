package adaptive

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// server is a dependency: so many calls at once are served in that time, on average; more of them share it.
type server struct {
	capacity float64
	service  float64                    // seconds
	draw     func(r *rand.Rand) float64 // of a call's latency, with mean 1; nil for 10 % of noise
	penalty  float64                    // share of throughput lost per call beyond the capacity, as of a lock
}

func (s server) latency(inFlight float64) float64 {
	over := max(1, inFlight/s.capacity)
	return s.service * over * (1 + s.penalty*max(0, inFlight-s.capacity))
}

// sample returns what a fifth of a second, or as long as 20 calls take, shows of that many calls at once.
func (s server) sample(inFlight float64, r *rand.Rand) Sample {
	mean := s.latency(inFlight)
	elapsed := max(0.2, minCalls*mean/inFlight)
	out := Sample{Peak: int(math.Ceil(inFlight)), Elapsed: elapsed}
	for used := 0.0; used < elapsed*inFlight; out.Calls++ {
		l := mean
		if s.draw != nil {
			l *= s.draw(r)
		} else {
			l *= max(0.5, 1+0.1*r.NormFloat64())
		}
		out.Total += l
		out.Squares += l * l
		used += l
	}
	out.Measured = out.Calls
	return out
}

func heavyTail(r *rand.Rand) float64 {
	if r.Float64() < 0.02 {
		return 500 / 11.96
	}
	return 2 / 11.96
}

func exponential(r *rand.Rand) float64 { return r.ExpFloat64() }

func lognormal(r *rand.Rand) float64 { return math.Exp(1.5*r.NormFloat64() - 1.5*1.5/2) }

// run steps a model for so many seconds against a server with that demand (calls under way if there were no limit and no
// queueing), and returns the mean limit and the share of the possible throughput over the second half.
func run(m *Model, s server, demand, seconds float64, r *rand.Rand) (limit, share float64) {
	clock, half := 0.0, 0.0
	done := 0.0
	for clock < seconds {
		used := min(float64(m.Limit), demand)
		sample := s.sample(used, r)
		if clock += sample.Elapsed; clock > seconds/2 {
			half += sample.Elapsed
			limit += float64(m.Limit) * sample.Elapsed
			done += min(used, s.capacity*used/max(used, s.capacity)/(1+s.penalty*max(0, used-s.capacity))) / s.service * sample.Elapsed
		}
		m.Step(sample)
	}
	possible := min(demand, s.capacity) / s.service
	return limit / half, done / half / possible
}

func newModel() *Model { return &Model{Least: 4, Most: 10_000, Limit: 4} }

func TestLimitFindsTheCapacity(t *testing.T) {
	for _, d := range []struct {
		name         string
		draw         func(*rand.Rand) float64
		share, above float64 // least share of the throughput, and how many times the capacity the limit may be
	}{
		{"steady", nil, 0.95, 2},
		{"exponential", exponential, 0.95, 2},
		{"lognormal", lognormal, 0.92, 2.5},
		// Of the small ones too few calls are slow to know within seconds what the mean is: then the limit rather stays
		// too high than takes away what may be needed.
		{"heavy tail", heavyTail, 0.9, 6},
	} {
		name, draw := d.name, d.draw
		for seed := range uint64(1) {
			r := rand.New(rand.NewPCG(seed, 0))
			for _, capacity := range []float64{8, 50, 150} {
				m := newModel()
				s := server{capacity: capacity, service: 0.012, draw: draw}
				check := func(what string) {
					t.Helper()
					limit, share := run(m, s, 100_000, 180, r)
					if share < d.share || limit > d.above*s.capacity {
						t.Errorf("%s, seed %d, %s, capacity %v: mean limit %.1f, %.1f %% of the throughput", name, seed, what, s.capacity, limit, 100*share)
					}
				}
				check("overloaded")
				s.capacity /= 2
				check("half of its machines lost")
				s.service *= 3
				check("a version that takes longer")
			}
		}
	}
}

// Where more calls at once do less, the limit must not stay in the crowd.
func TestLimitLeavesACrowd(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	s := server{capacity: 20, service: 0.01, penalty: 0.02}
	m := newModel()
	m.Limit, m.normal = 400, s.latency(400) // it has only ever seen the crowd
	if limit, share := run(m, s, 100_000, 600, r); limit > 40 || share < 0.85 {
		t.Errorf("mean limit %.1f of a server of 20, %.1f %% of the throughput", limit, 100*share)
	}
}

// A dependency without a queue of its own must get whatever is asked of it, however its latencies are spread. Of few slow
// calls it cannot always be known within seconds that they are no congestion, so the mean of several runs is judged.
func TestSlowWithoutQueueingIsNotCongestion(t *testing.T) {
	const seeds = 6
	factors := []float64{1, 1.5, 3, 2, 0.2} // each for five minutes
	for name, draw := range map[string]func(*rand.Rand) float64{"steady": nil, "exponential": exponential, "lognormal": lognormal, "heavy tail": heavyTail} {
		shares := make([]float64, len(factors))
		for seed := range uint64(seeds) {
			r := rand.New(rand.NewPCG(seed, 9))
			m := newModel()
			s := server{capacity: 1e9, service: 0.012, draw: draw}
			for i, factor := range factors {
				s.service *= factor
				_, share := run(m, s, 40, 300, r)
				shares[i] += share / seeds
			}
		}
		for i, share := range shares {
			if share < 0.9 {
				t.Errorf("%s, latency ×%v: %.1f %% of the throughput", name, factors[i], 100*share)
			}
		}
	}
}

// The drift that others die of: an hour of half as much again, with as much demand as there are places, must neither
// shrink the limit nor teach it that a crowd is normal.
func TestNoDriftInAnHour(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	m := newModel()
	s := server{capacity: 50, service: 0.02}
	run(m, s, 100_000, 300, r)
	for range 2 {
		s.service *= 1.5
		if limit, share := run(m, s, 100_000, 3600, r); limit < 45 || limit > 75 || share < 0.95 {
			t.Errorf("latency +50 %%: mean limit %.1f, %.1f %% of the throughput", limit, 100*share)
		}
		s.service /= 1.5
		if limit, share := run(m, s, 100_000, 3600, r); limit < 45 || limit > 75 || share < 0.95 {
			t.Errorf("back: mean limit %.1f, %.1f %% of the throughput", limit, 100*share)
		}
	}
	if m.normal > 1.2*s.service {
		t.Errorf("after four hours of overload %.1f ms pass for normal", 1e3*m.normal)
	}
}

// At night little is asked and answers come sooner; the burst of the morning must not be taken for congestion.
func TestIdleNightThenBurst(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	m := newModel()
	s := server{capacity: 50, service: 0.02}
	run(m, s, 100_000, 300, r)
	s.service = 0.008
	run(m, s, 2, 8*3600/10, r)
	s.service = 0.02
	if limit, share := run(m, s, 100_000, 20, r); limit < 45 || limit > 75 || share < 0.9 {
		t.Errorf("in the first seconds of the burst: mean limit %.1f, %.1f %% of the throughput", limit, 100*share)
	}
}

// Ten requests a second are all there is to go by.
func TestLittleTraffic(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	m := &Model{Least: 1, Most: 1000, Limit: 4}
	s := server{capacity: 1, service: 0.1, draw: exponential}
	if limit, share := run(m, s, 1000, 1200, r); limit > 4 || share < 0.95 {
		t.Errorf("mean limit %.1f of a server of one, %.1f %% of the throughput", limit, 100*share)
	}
}

func TestLimitNeverLeavesItsBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 200 {
		least := 1 + r.IntN(10)
		m := &Model{Least: least, Most: least + r.IntN(50), Limit: least}
		for range 300 {
			calls := float64(1 + r.IntN(1000))
			total := calls * r.ExpFloat64()
			s := Sample{Measured: calls, Calls: calls, Total: total, Squares: total * total / calls * (1 + r.Float64()), Peak: r.IntN(100), Elapsed: 0.2 + r.Float64()}
			if got := m.Step(s); got < m.Least || got > m.Most || !(m.normal > 0) {
				t.Fatalf("limit %d between %d and %d, normal %v", got, m.Least, m.Most, m.normal)
			}
		}
	}
}

// An unfinished sample of yesterday is not averaged with today's burst.
func TestStaleSamplesAreDropped(t *testing.T) {
	l := New(4, 100)
	at := time.Duration(0)
	for range 10 {
		at += time.Second / 100
		l.Observe(at, 10*time.Millisecond, 1, false)
	}
	at += 8 * time.Hour
	for range 10 {
		at += time.Second / 100
		l.Observe(at, time.Second, 4, false)
	}
	if l.model.normal != 0 {
		t.Errorf("normal is %v from a sample of eight hours", l.model.normal)
	}
	for range 100 {
		at += time.Second / 100
		l.Observe(at, time.Second, 4, false)
	}
	if l.model.normal < 0.99 || l.model.normal > 1.01 {
		t.Errorf("normal is %v after calls of a second", l.model.normal)
	}
}

func TestQuickFailuresTellNothing(t *testing.T) {
	l := New(4, 100)
	at := time.Duration(0)
	for i := range 1000 {
		at += time.Millisecond
		if i%2 == 0 {
			l.Observe(at, 100*time.Millisecond, 3, false)
		} else {
			l.Observe(at, time.Microsecond, 3, true)
		}
	}
	if l.model.normal < 0.09 {
		t.Errorf("normal is %v after calls of 100 ms and quick failures", l.model.normal)
	}
}

// Of many calls a share is measured, and the limit moves as if it were all of them.
func TestManyCallsAreMeasuredInPart(t *testing.T) {
	l := New(4, 10_000)
	measured := 0
	for at := time.Duration(0); at < 20*time.Second; at += 5 * time.Microsecond { // 200,000 a second
		if l.Measure() {
			measured++
			l.Observe(at, 10*time.Millisecond, 2000, false)
		}
	}
	if measured > 250_000 || measured < 50_000 {
		t.Errorf("%d of 4,000,000 calls were measured", measured)
	}
	if got := l.model.normal; got < 0.0099 || got > 0.0101 || l.Limit() < 100 {
		t.Errorf("normal %v, limit %d", got, l.Limit())
	}
}
