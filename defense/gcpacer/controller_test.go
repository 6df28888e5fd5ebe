package gcpacer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const mib = 1 << 20

// program is a model of a Go program: it allocates at a rate for its requests, and marking costs by what is live.
type program struct {
	live  float64 // bytes
	work  float64 // collector's CPU per user's CPU at GOGC 100
	busy  float64 // share of the CPU in use without the collector
	other float64
	limit float64
	fixed bool // the collector's share does not depend on GOGC
}

// window returns what a window shows at that GOGC. With little room below the limit the collector runs more often.
func (p program) window(percent int) Observation {
	goal := p.live * (1 + float64(percent)/100)
	if percent < 0 {
		goal = math.Inf(1)
	}
	goal = max(min(goal, p.limit-p.other), p.live*1.001)
	work := p.work / max(goal/p.live-1, 0.001)
	if p.fixed {
		work = p.work
	}
	// The runtime gives the collector half of the CPU at most.
	gc := min(work*p.busy, 0.5)
	return Observation{Share: gc / (gc + min(p.busy, 1-gc)), Busy: min(1, p.busy+gc), Live: p.live, Other: p.other, Limit: p.limit, Goal: goal, Length: 10 * time.Second}
}

// run observes n windows and returns the actions that were not nothing, with the window's number.
func run(c *Controller, p *program, n int) string {
	var b strings.Builder
	for i := range n {
		d := c.Observe(p.window(c.Percent()))
		switch d.Action {
		case Nothing:
			continue
		case Lift:
			p.limit = min(float64(d.Limit), 970*mib)
		case GiveUp:
			p.limit = math.Inf(1)
		case Restore:
			p.limit = 900 * mib
		}
		fmt.Fprintf(&b, "%d:%s:%d ", i, d.Action, d.Percent)
		if d.Reason == "" {
			b.WriteString("(no reason) ")
		}
	}
	return strings.TrimSpace(b.String())
}

func TestFlow(t *testing.T) {
	for _, test := range []struct {
		name    string
		program program
		n       int
		want    string
	}{
		{"quiet", program{live: 100 * mib, work: 0.1, busy: 0.5, limit: 900 * mib}, 30, ""},
		{"a storm that a step ends", program{live: 100 * mib, work: 0.2, busy: 0.5, limit: 900 * mib}, 100,
			"0:alert:100 2:raise:150"},
		{"a storm up to the ceiling", program{live: 100 * mib, work: 1, busy: 0.5, limit: 2000 * mib}, 50,
			"0:alert:100 2:raise:150 5:alert:150 7:raise:200 10:alert:200 12:raise:300 15:alert:300 17:raise:400 20:alert:400 22:shed:400"},
		{"no memory to trade", program{live: 350 * mib, work: 0.2, busy: 0.5, limit: 900 * mib, other: 50 * mib}, 50,
			"0:alert:100 2:shed:100"},
		{"a share of little", program{live: 100 * mib, work: 0.4, busy: 0.05, limit: 900 * mib}, 50, ""},
		{"a step that does not help", program{live: 100 * mib, work: 0.3, busy: 0.5, limit: 900 * mib, fixed: true}, 40,
			"0:alert:100 2:raise:150 4:revert:100 5:alert:100 7:shed:100 34:raise:150 36:revert:100 37:alert:100 39:shed:100"},
		{"no limit at all", program{live: 100 * mib, work: 0.2, busy: 0.5, limit: math.Inf(1)}, 50,
			"0:alert:100 2:raise:150"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := run(NewController(Config{}, 100), &test.program, test.n); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestStepsGoBackWhenItIsQuiet(t *testing.T) {
	c := NewController(Config{}, 100)
	p := &program{live: 100 * mib, work: 1, busy: 0.5, limit: 2000 * mib}
	run(c, p, 50)
	if !c.Shedding() || c.Percent() != 400 {
		t.Fatalf("in a storm GOGC is %d, shedding: %v", c.Percent(), c.Shedding())
	}
	p.work = 0.05
	if got := run(c, p, 60); got != "11:lower:300 23:lower:200 35:lower:150 47:lower:100" || c.Shedding() {
		t.Errorf("after it: %s, shedding: %v", got, c.Shedding())
	}
	// More is live than the higher GOGC had room for.
	p.work = 1
	run(c, p, 50)
	p.live, p.work = 500*mib, 0.05
	if got := run(c, p, 10); !strings.Contains(got, "lower") {
		t.Errorf("with memory short: %s", got)
	}
}

// A program that allocates just enough to need a step must not make GOGC swing.
func TestNoSwinging(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	for _, work := range []float64{0.12, 0.137, 0.15, 0.2, 0.25, 0.3} {
		c := NewController(Config{}, 100)
		changes := 0
		for range 2000 {
			p := program{live: 100 * mib, work: work * (1 + 0.1*random.NormFloat64()), busy: 0.5, limit: 900 * mib}
			switch d := c.Observe(p.window(c.Percent())); d.Action {
			case Raise, Lower, Revert:
				changes++
			}
		}
		if changes > 8 {
			t.Errorf("work %v: %d changes of GOGC in 2000 windows", work, changes)
		}
	}
}

func TestNoCollectionIsNoStorm(t *testing.T) {
	c := NewController(Config{}, 100)
	p := program{live: 100 * mib, work: 1, busy: 0.5, limit: 900 * mib}
	for i := range 30 {
		o := p.window(100)
		if i%4 != 0 {
			o.Share, o.Busy = math.NaN(), math.NaN()
		}
		if d := c.Observe(o); d.Action != Nothing && d.Action != Alert {
			t.Fatalf("window %d: %s for less than three windows in a row", i, d.Action)
		}
	}
}

// The leak of golang/go#58106: what is live comes up to the limit, and the collector takes all it can get for hours. Here it
// may for a minute.
func TestDeathSpiralEndsWithinAMinute(t *testing.T) {
	c := NewController(Config{}, 100)
	p := &program{live: 300 * mib, work: 0.05, busy: 0.7, limit: 900 * mib, other: 20 * mib}
	above, actions := time.Duration(0), []string{}
	for p.live < 1000*mib && len(actions) < 2 {
		p.live += 0.5 * mib // a leak of 3 MiB a minute
		o := p.window(c.Percent())
		if o.Share*o.Busy > 0.25 {
			above += o.Length
		}
		switch d := c.Observe(o); d.Action {
		case Lift:
			actions = append(actions, "lift")
			if p.limit = min(float64(d.Limit), 970*mib); p.limit <= 900*mib {
				t.Errorf("lifted to %v MiB", p.limit/mib)
			}
			if !c.Shedding() {
				t.Error("in a spiral nobody sheds")
			}
		case GiveUp:
			actions = append(actions, "give up")
			if d.Limit != math.MaxInt64 {
				t.Errorf("given up at %d", d.Limit)
			}
		case Raise:
			t.Error("GOGC is raised in a spiral")
		}
	}
	if fmt.Sprint(actions) != "[lift give up]" || above > time.Minute {
		t.Errorf("%v, with %v above a quarter of the CPU", actions, above)
	}

	without := NewController(Config{SpiralShare: 1}, 100)
	p = &program{live: 300 * mib, work: 0.05, busy: 0.7, limit: 900 * mib, other: 20 * mib}
	for above = 0; p.live < 1000*mib; p.live += 0.5 * mib {
		o := p.window(without.Percent())
		if o.Share*o.Busy > 0.25 {
			above += o.Length
		}
		without.Observe(o)
	}
	if above < time.Hour/4 {
		t.Errorf("without the guard the collector is above a quarter of the CPU for %v only: this tests nothing", above)
	}
}

func TestSpiralThatIsRelieved(t *testing.T) {
	c := NewController(Config{}, 100)
	p := &program{live: 870 * mib, work: 0.05, busy: 0.7, limit: 900 * mib, other: 20 * mib}
	if got := run(c, p, 3); got != "0:alert:100 1:lift:100" {
		t.Fatalf("%s, want a lift in the second window", got)
	}
	p.live = 400 * mib // shed
	if got := run(c, p, 30); got != "11:restore:100" || c.Shedding() || c.Spiral() != 0 {
		t.Errorf("relieved: %s, shedding: %v, spiral: %v", got, c.Shedding(), c.Spiral())
	}
	// The collector may take as much for the sake of GOGC: that is no spiral.
	c = NewController(Config{}, 20)
	p = &program{live: 100 * mib, work: 0.3, busy: 0.7, limit: 900 * mib}
	if got := run(c, p, 60); strings.Contains(got, "lift") || c.Spiral() != 0 {
		t.Errorf("a small GOGC: %s, spiral %v", got, c.Spiral())
	}
}

func TestOffIsLeftAlone(t *testing.T) {
	c := NewController(Config{}, -1)
	p := &program{live: 100 * mib, work: 1, busy: 0.5, limit: 900 * mib}
	if got := run(c, p, 20); got != "" {
		t.Errorf("GOGC=off: %s", got)
	}
	p.live, p.work = 890*mib, 0.05
	if got := run(c, p, 3); !strings.Contains(got, "lift") {
		t.Errorf("GOGC=off in a spiral: %q", got)
	}
}

// Whatever it sees, GOGC stays within its bounds, and each action says why.
func TestBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	for range 300 {
		base := 1 + random.IntN(500)
		c := NewController(Config{Max: 1 + random.IntN(600)}, base)
		for range 300 {
			o := Observation{Share: random.Float64(), Busy: random.Float64(), Live: random.Float64() * 1e9, Other: random.Float64() * 1e8,
				Limit: random.Float64() * 2e9, Goal: random.Float64() * 2e9, Length: 10 * time.Second}
			switch random.IntN(5) {
			case 0:
				o.Share, o.Busy = math.NaN(), math.NaN()
			case 1:
				o.Limit = math.Inf(1)
			}
			d := c.Observe(o)
			if d.Percent < base || d.Percent > max(c.config.Max, base) || (d.Action != Nothing) != (d.Reason != "") {
				t.Fatalf("from %d, at most %d: %+v", base, c.config.Max, d)
			}
		}
	}
}
