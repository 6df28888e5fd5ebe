package load

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// service answers in virtual time: at once, but for a freeze during which it answers nothing.
type service struct {
	freeze, thaw time.Time
	mu           sync.Mutex
	requests     []string
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path+" "+r.Header.Get("Idempotency-Key")+string(body))
	s.mu.Unlock()
	if now := time.Now(); now.After(s.freeze) && now.Before(s.thaw) {
		select {
		case <-time.After(s.thaw.Sub(now)):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("ok")), Request: r}, nil
}

func run(t *testing.T, s *service, d time.Duration, cfg Config) Summary {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	cfg.BaseURL, cfg.Transport = "http://service", s
	summary, err := Run(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

// A freeze of one second in four, at 200 requests per second: about 200 requests are due while nothing answers. A
// driver with four workers sends only four of them, and its own latencies say that nothing happened.
func TestCoordinatedOmissionIsCorrected(t *testing.T) {
	for _, workers := range []uint64{4, 4096} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{freeze: time.Now().Add(time.Second), thaw: time.Now().Add(2 * time.Second)}
			got := run(t, s, 4*time.Second, Config{Rate: 200, Seed: 1, MaxWorkers: workers})
			if got.P99 < 0.9 || got.P99 > 1 {
				t.Errorf("%d workers: corrected p99 is %.3f s, want just under the freeze of 1 s", workers, got.P99)
			}
			if workers == 4 && got.UncorrectedP99 > 0.1 {
				t.Errorf("uncorrected p99 is %.3f s: the test does not show what it is about", got.UncorrectedP99)
			}
			if got.Sent < 700 || got.Answered != got.Sent || got.Statuses["200"] != got.Sent {
				t.Errorf("%d workers: %+v, want about 800 sent and all answered", workers, got)
			}
		})
	}
}

func TestSameSeedSameSchedule(t *testing.T) {
	for _, shape := range Shapes() {
		times := func(seed uint64) []time.Duration {
			s, err := newSchedule(shape, 100, 4*time.Second, 1, seed)
			if err != nil {
				t.Fatal(err)
			}
			s.at(400)
			return s.times
		}
		if !slices.Equal(times(7), times(7)) {
			t.Errorf("%s: one seed gave two schedules", shape)
		}
		if slices.Equal(times(7), times(8)) {
			t.Errorf("%s: two seeds gave one schedule", shape)
		}
	}
	if _, err := newSchedule("zigzag", 100, time.Second, 1, 1); err == nil || !strings.Contains(err.Error(), "sawtooth") {
		t.Errorf("an unknown shape: %v, want an error that lists the shapes", err)
	}
}

// Shapes differ in how even they are: the busiest tenth of a period against the mean.
func TestShapes(t *testing.T) {
	for _, tt := range []struct {
		shape     Shape
		low, high float64 // of the peak
	}{
		{Steady, 1, 1.3}, {Ramp, 1.5, 2.2}, {Spike, 2, 4.5}, {Sawtooth, 1.2, 2}, {Burst, 1.8, 3.2}, {Idle, 1.5, 5},
	} {
		const period, rate = 10 * time.Second, 2000
		s, err := newSchedule(tt.shape, rate, period, 1, 3)
		if err != nil {
			t.Fatal(err)
		}
		var tenths [10]float64
		n := 0
		for ; s.at(n) < period; n++ {
			tenths[int(s.at(n)*10/period)]++
		}
		if peak := slices.Max(tenths[:]) / (float64(n) / 10); peak < tt.low || peak > tt.high {
			t.Errorf("%s: the busiest tenth is at %.2f of the mean, want between %g and %g", tt.shape, peak, tt.low, tt.high)
		}
	}
}

// The variance of the number of requests in half a second, at 60 per second, equals the mean, as in a Poisson process,
// or is the part of it that Every asks for.
func TestEvery(t *testing.T) {
	for _, every := range []int{1, 10, 120} {
		s, err := newSchedule(Steady, 60, time.Second, every, 1)
		if err != nil {
			t.Fatal(err)
		}
		counts := make([]float64, 2000)
		for n := 0; ; n++ {
			window := int(s.at(n) / (500 * time.Millisecond))
			if window >= len(counts) {
				break
			}
			counts[window]++
		}
		var mean, variance float64
		for _, c := range counts {
			mean += c / float64(len(counts))
		}
		for _, c := range counts {
			variance += (c - mean) * (c - mean) / float64(len(counts))
		}
		if want := mean/float64(every) + 1.0/6; mean < 29 || mean > 31 || variance < 0.7*mean/float64(every) || variance > 1.3*want {
			t.Errorf("every %d: mean %.2f, variance %.2f, want about 30 and %.2f", every, mean, variance, want)
		}
	}
}

func TestTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		run(t, s, 10*time.Second, Config{Rate: 100, Seed: 5, Targets: []Target{
			{Method: "POST", Path: "/pay", Header: http.Header{"Idempotency-Key": {"key-${n}"}}, Body: `{"id":"${n}"}`, Weight: 3},
			{Path: "orders/${n}"},
		}})
		posts, bodies, keys := 0, make(map[string]bool), make(map[string]bool)
		for _, r := range s.requests {
			if strings.HasPrefix(r, "POST /pay ") {
				posts++
				key, body, _ := strings.Cut(r, "{")
				bodies[body], keys[key] = true, true
			} else if !strings.HasPrefix(r, "GET /orders/") || strings.Contains(r, "$") {
				t.Fatalf("request %q is of no target", r)
			}
		}
		if share := float64(posts) / float64(len(s.requests)); share < 0.7 || share > 0.8 {
			t.Errorf("share of the target with weight 3 of 4 is %.2f", share)
		}
		if len(bodies) != posts || len(keys) != posts {
			t.Errorf("%d bodies and %d headers in %d posts: ${n} does not tell them apart", len(bodies), len(keys), posts)
		}
	})
}

// A run ends when it is told to, even when nothing answers.
func TestEndsWhileNothingAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{thaw: time.Now().Add(time.Hour)}
		begun := time.Now()
		got := run(t, s, time.Second, Config{Rate: 100, Seed: 1, Timeout: time.Minute})
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("took %v to end after 1 s", took)
		}
		if got.Answered != 0 {
			t.Errorf("%d answers from a frozen service", got.Answered)
		}
	})
}

func TestValidate(t *testing.T) {
	for _, cfg := range []Config{{}, {BaseURL: "x", Rate: -1}, {BaseURL: "x", Targets: []Target{{Weight: -1}}}} {
		if _, err := Run(t.Context(), cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}
