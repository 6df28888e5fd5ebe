package pool

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The schedule is the seed's: the same again, with the rate and the hold that were asked for.
func TestSchedule(t *testing.T) {
	c := Config{}.withDefaults()
	a, b := c.schedule(100*time.Second), c.schedule(100*time.Second)
	if len(a) != len(b) || a[len(a)-1] != b[len(b)-1] {
		t.Error("one seed has two schedules")
	}
	var hold time.Duration
	for i, r := range a {
		if i > 0 && r.due < a[i-1].due || r.hold < c.Hold/2 || r.hold > c.Hold*3/2 {
			t.Fatalf("request %d: %+v after %+v", i, r, a[i-1])
		}
		hold += r.hold
	}
	if n := float64(len(a)); math.Abs(n/100-c.Rate) > 0.05*c.Rate || math.Abs(hold.Seconds()/n-c.Hold.Seconds()) > 0.05*c.Hold.Seconds() {
		t.Errorf("%.1f requests a second with %v each, want %v and %v", n/100, hold/time.Duration(len(a)), c.Rate, c.Hold)
	}
	if c.Seed = 2; c.schedule(time.Second)[0] == a[0] {
		t.Error("two seeds have one schedule")
	}
}

// Open loop: a request that hangs holds up nobody, and costs its patience.
func TestDriveIsOpenLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Rate: 10}.withDefaults()
		down := errors.New("down")
		results := c.drive(t.Context(), 10*time.Second, func(ctx context.Context, r request) error {
			if r.n%2 == 0 {
				<-ctx.Done()
				return down
			}
			return nil
		})
		l := summarize(results, 0, 10*time.Second)
		if l.Sent != len(results) || l.Served != (l.Sent+1)/2 || l.P99 != c.Patience || l.P50 > c.Patience {
			t.Errorf("%+v, want half of %d served at once and half after %v", l, len(results), c.Patience)
		}
		if l.Mean < 450*time.Millisecond || l.Mean > 550*time.Millisecond {
			t.Errorf("the mean is %v, want about half of the patience: who is not served counts", l.Mean)
		}
	})
}

func TestSummarizeLooksAtItsTimeOnly(t *testing.T) {
	results := []result{{0, time.Hour, nil}, {time.Second, 2, nil}, {2 * time.Second, 4, nil}, {3 * time.Second, time.Hour, nil}}
	if l := summarize(results, time.Second, 3*time.Second); l.Sent != 2 || l.Mean != 3 || l.QPS != 1 {
		t.Errorf("%+v, want 2 requests with a mean of 3 ns, one a second", l)
	}
	if l := summarize(nil, 0, time.Second); l != (Load{}) {
		t.Errorf("of nothing: %+v", l)
	}
}

func TestOpenAt(t *testing.T) {
	sizes := []Point{{At: time.Second, Open: 3}, {At: 2 * time.Second, Open: 5}}
	for at, want := range map[time.Duration]int{0: 2, time.Second: 3, 1500 * time.Millisecond: 3, time.Minute: 5} {
		if got := openAt(sizes, at, 2); got != want {
			t.Errorf("after %v: %d, want %d", at, got, want)
		}
	}
}

// What poolsize did is compared with the same requests left alone: a while in which all of them were slow is not blamed
// on it.
func TestCompare(t *testing.T) {
	requests := func(latency func(at int) time.Duration) (all []result) {
		for at := range 20 {
			all = append(all, result{due: time.Duration(at) * time.Second, latency: latency(at)})
		}
		return all
	}
	storm := func(at int) time.Duration { // a slow time of the load's own
		if at >= 8 && at < 12 {
			return 300 * time.Millisecond
		}
		return 0
	}
	best := requests(func(at int) time.Duration { return 100*time.Millisecond + storm(at) })
	own := requests(func(at int) time.Duration { return 200*time.Millisecond + 2*storm(at) })
	steered := requests(func(at int) time.Duration { // like the start at first, a tenth worse for a while, then like the best
		switch {
		case at < 12:
			return 200*time.Millisecond + 2*storm(at)
		case at < 15:
			return 220 * time.Millisecond
		}
		return 104 * time.Millisecond
	})
	s := Steered{Start: 2}
	s.compare(steered, own, best, 4*time.Second, 16*time.Second, []Point{{At: 10 * time.Second, Open: 9}})
	if math.Abs(s.Worst-1.1) > 1e-9 || math.Abs(s.ByBest-1.04) > 1e-9 || s.Reached != 14*time.Second {
		t.Errorf("worst %.3f, by the best %.3f, reached after %v, want 1.1, 1.04, 14s", s.Worst, s.ByBest, s.Reached)
	}
	if first, last := s.Trace[0], s.Trace[len(s.Trace)-1]; first.Open != 2 || last.Open != 9 || last.Latency != 104*time.Millisecond {
		t.Errorf("from %+v to %+v", first, last)
	}
}

func TestReport(t *testing.T) {
	load := Load{Sent: 100, Served: 90, QPS: 9, Mean: 40 * time.Millisecond, P50: 38 * time.Millisecond, P99: time.Second}
	best := Static{Setting: Setting{16, 16, time.Minute}, Load: load, Reuse: 0.99}
	r := Report{
		Config: Config{}.withDefaults(), Best: best, Sweep: []Static{best},
		Table: []Static{{Setting: whitepaper[0].Setting, Load: load, LeakRate: 0.005, Claim: &whitepaper[0]}},
		Steered: []Steered{{Start: 2, Before: load, Final: load, Open: 17, ByBest: 1, Reached: 9 * time.Second, Worst: 1.02,
			Trace: []Point{{3 * time.Second, 2, 80 * time.Millisecond}, {45 * time.Second, 17, 40 * time.Millisecond}}}},
	}
	var text, html strings.Builder
	if err := errors.Join(r.WriteText(&text), r.WriteHTML(&html)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"10/5", "0.5 %", "42ms, 210/s, 12.0 %", "the best", "10.0 %", "9s", "+2.0 %", "+0.0 %"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	if want := `points="42.7,0.0 640.0,90.0"`; !strings.Contains(html.String(), want) {
		t.Errorf("the page lacks %q:\n%s", want, html.String())
	}
}

func TestNoDatabase(t *testing.T) {
	if _, err := Run(t.Context(), Config{}); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("%v, want ErrNoDatabase", err)
	}
}
