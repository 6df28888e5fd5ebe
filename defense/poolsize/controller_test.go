package poolsize

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// follow feeds a controller with observations and fails the test when a decision breaks an invariant. It returns how
// many times the size changed.
func follow(t *testing.T, c *Controller, intervals int, observe func(open int) Observation) (changes int) {
	t.Helper()
	config := c.config
	before := c.Setting()
	for range intervals {
		d := c.Step(observe(before.MaxOpen))
		s := d.Setting
		if s != c.Setting() {
			t.Fatalf("decided %+v, has %+v", s, c.Setting())
		}
		switch {
		case s.MaxOpen < config.MinOpen || s.MaxOpen > config.MaxOpen:
			t.Fatalf("%+v is out of bounds %d to %d", s, config.MinOpen, config.MaxOpen)
		case s.MaxIdle > s.MaxOpen:
			t.Fatalf("%+v: more may be idle than open", s)
		case config.ServerTimeout > 0 && s.Lifetime >= config.ServerTimeout || s.Lifetime <= 0 || s.IdleTime > s.Lifetime:
			t.Fatalf("%+v: connections live too long", s)
		case d.Action == Grow && s.MaxOpen-before.MaxOpen > config.MaxStep:
			t.Fatalf("%d connections more in one step, at most %d are allowed", s.MaxOpen-before.MaxOpen, config.MaxStep)
		case d.Action == Hold && s != before || d.Reason == "":
			t.Fatalf("%+v changed %+v without a reason", d, before)
		}
		if s != before {
			changes++
		}
		before = s
	}
	return changes
}

// TestHazard08TheControllerDoesNotOscillate is about docs/guide/hazards.md, 8 of the design: under a steady load, however noisy, a pool's
// size comes to rest.
func TestHazard08TheControllerDoesNotOscillate(t *testing.T) {
	for name, m := range map[string]model{
		"overloaded":    {users: 200, capacity: 8, think: 0.1, service: 0.01},
		"pool is small": {users: 1000, capacity: 200, think: 0.1, service: 0.02},
		"light load":    {users: 20, capacity: 16, think: 0.1, service: 0.01},
		"on the edge":   {users: 120, capacity: 16, think: 0.1, service: 0.01},
	} {
		for _, noise := range []float64{0, 0.05, 0.1, 0.3} {
			for _, start := range []int{2, 10, 50} {
				m.noise, m.rand = noise, rand.New(rand.NewPCG(uint64(start), 8))
				c := NewController(Config{MaxOpen: 50}, start)
				follow(t, c, 1000, m.observe) // half an hour to come to rest
				const hour = 1800
				if n := follow(t, c, hour, m.observe); n > 2*hour/50 {
					t.Errorf("%s, noise %v, from %d: %d changes in an hour under a steady load", name, noise, start, n)
				}
			}
		}
	}
}

// Whatever comes in, what goes out is within its bounds.
func FuzzController(f *testing.F) {
	f.Add(uint64(1), 2, 25, 4, int64(0))
	f.Add(uint64(2), 1, 1, 1, int64(time.Minute))
	f.Add(uint64(3), 5, 200, 100, int64(time.Second))
	f.Fuzz(func(t *testing.T, seed uint64, low, high, step int, server int64) {
		config := Config{MinOpen: low, MaxOpen: min(high, 1e6), MaxStep: step, ServerTimeout: time.Duration(server) / 1e3 * 1e3}
		if config.Validate() != nil || server > 0 && server < int64(time.Millisecond) {
			return
		}
		random := rand.New(rand.NewPCG(seed, 8))
		follow(t, NewController(config, random.IntN(300)), 300, func(open int) Observation {
			o := Observation{InUse: random.IntN(open + 1), Latency: time.Duration(random.ExpFloat64() * 1e7)}
			if random.IntN(2) == 0 {
				o.InUse, o.Waiting = open, 10*random.ExpFloat64()
			}
			if random.IntN(3) > 0 {
				o.Rate = 100 * random.ExpFloat64()
			}
			return o
		})
	})
}

// last returns the last decision that was no hold.
func last(c *Controller, intervals int, observe func(open int) Observation) (found Decision) {
	for range intervals {
		if d := c.Step(observe(c.Setting().MaxOpen)); d.Action != Hold {
			found = d
		}
	}
	return found
}

func TestAStepThatDidHarmIsTakenBack(t *testing.T) {
	c := NewController(Config{MaxOpen: 20}, 10)
	harmful := func(open int) Observation {
		return Observation{Waiting: 5, InUse: open, Rate: 100, Latency: time.Duration(open*open) * time.Millisecond}
	}
	if d := last(c, 2, harmful); d.Action != Grow || d.Setting.MaxOpen != 11 {
		t.Fatalf("callers wait, and the controller decided %+v", d)
	}
	d := last(c, 1, harmful)
	if d.Action != Revert || d.Setting.MaxOpen != 10 || !strings.Contains(d.Reason, "ms before") {
		t.Errorf("the step made all slower, and the controller decided %+v", d)
	}
}

func TestGrowingThatDoesNotHelpIsTakenBackAndNotTriedAgainSoon(t *testing.T) {
	c := NewController(Config{MaxOpen: 100}, 10)
	grown := 0
	for range 600 { // 20 minutes
		d := c.Step(Observation{Waiting: 5, InUse: c.Setting().MaxOpen}) // nothing is known but that callers wait
		if d.Action == Grow {
			grown++
		}
		if d.Action == Keep || d.Action == Shrink {
			t.Fatalf("decided %+v", d)
		}
	}
	if c.Setting().MaxOpen > 11 || grown > 10 {
		t.Errorf("the pool has %d after %d attempts; want few, and none kept", c.Setting().MaxOpen, grown)
	}
}

func TestWithoutUseAPoolStillGrows(t *testing.T) {
	c := NewController(Config{MaxOpen: 20}, 2)
	last(c, 60, func(open int) Observation {
		return Observation{Waiting: max(0, 15-float64(open)), InUse: min(open, 15)}
	})
	if n := c.Setting().MaxOpen; n < 15 {
		t.Errorf("the pool has %d connections, want 15 at least", n)
	}
}

func TestAQuietPoolIsMadeSmallerSlowlyAndGrowsAgain(t *testing.T) {
	c := NewController(Config{MaxOpen: 40}, 40)
	quiet := func(open int) Observation {
		return Observation{InUse: 5, Rate: 100, Latency: time.Millisecond}
	}
	if d := last(c, quietFor-1, quiet); d.Action != "" {
		t.Errorf("decided %+v before it was sure", d)
	}
	if d := last(c, 1, quiet); d.Action != Shrink || d.Setting.MaxOpen != 30 {
		t.Errorf("decided %+v, want 30", d)
	}
	busy := func(open int) Observation {
		return Observation{Waiting: 20, InUse: open, Rate: 100, Latency: time.Millisecond}
	}
	if d := last(c, 1, busy); d.Action != Revert || d.Setting.MaxOpen != 40 {
		t.Errorf("callers wait all at once, and the controller decided %+v", d)
	}
}

func TestALoadThatFallsDuringAnExperimentShowsNothing(t *testing.T) {
	c := NewController(Config{MaxOpen: 20}, 10)
	last(c, 2, func(open int) Observation {
		return Observation{Waiting: 5, InUse: open, Rate: 100, Latency: time.Millisecond}
	})
	d := last(c, 3, func(open int) Observation {
		return Observation{Waiting: 1, InUse: open, Rate: 50, Latency: time.Millisecond}
	})
	if d.Action != Revert || !strings.Contains(d.Reason, "the load fell") {
		t.Errorf("decided %+v", d)
	}
}

func TestANewPressureIsNotHeldAgainstAnOldOne(t *testing.T) {
	c := NewController(Config{MaxOpen: 20}, 10)
	useless := func(open int) Observation { return Observation{Waiting: 5, Waits: 10, InUse: open} }
	last(c, 500, useless)
	if d := last(c, 20, useless); d.Action != "" {
		t.Fatalf("after so many failures it still decided %+v", d)
	}
	last(c, quietFor, func(open int) Observation { return Observation{InUse: open} })
	if d := last(c, 3, useless); d.Action != Grow {
		t.Errorf("a new pressure was met by %+v", d)
	}
}

func TestADatabaseThatIsOverloadedGetsFewerConnections(t *testing.T) {
	c := NewController(Config{MaxOpen: 50}, 50)
	last(c, 10, func(int) Observation { return Observation{InUse: 30, Rate: 100, Latency: 10 * time.Millisecond} })
	d := last(c, 2, func(int) Observation { return Observation{InUse: 40, Rate: 100, Latency: 30 * time.Millisecond} })
	if d.Action != Shrink || d.Setting.MaxOpen != 35 || !strings.Contains(d.Reason, "3.0 times the best seen") {
		t.Errorf("decided %+v, want an eighth less than the 40 in use", d)
	}
}

// An environment in which every change seems to help makes the controller go in circles, but ever more slowly.
func TestCirclesSlowDown(t *testing.T) {
	c := NewController(Config{MinOpen: 2, MaxOpen: 3}, 2)
	changes := follow(t, c, 2000, func(open int) Observation {
		o := Observation{Waiting: 10, InUse: open, Rate: 100, Latency: time.Millisecond}
		if c.trial != nil {
			o.Waiting = 5
		}
		return o
	})
	if changes == 0 || changes > 20 {
		t.Errorf("%d changes in 2000 intervals, want a few", changes)
	}
}

func TestADryRunExplainsAndChangesNothing(t *testing.T) {
	c := NewController(Config{MaxOpen: 20, DryRun: true}, 10)
	proposed := 0
	for range 100 {
		d := c.Step(Observation{Waiting: 5, InUse: 10, Rate: 100, Latency: time.Millisecond})
		if d.Setting.MaxOpen != 10 {
			t.Fatalf("a dry run decided %+v", d)
		}
		if d.Action == Grow && d.Proposed == 11 && d.Reason != "" {
			proposed++
		}
	}
	if proposed == 0 || proposed > 10 {
		t.Errorf("%d proposals in 100 intervals, want a few", proposed)
	}
}

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		config Config
		wrong  string
	}{
		{Config{}, ""}, {Config{MinOpen: 30}, ""}, {Config{MaxOpen: 1}, ""},
		{Config{MinOpen: 30, MaxOpen: 20}, "above MaxOpen"}, {Config{MaxStep: -1}, "MaxStep is negative"},
		{Config{Lifetime: -1}, "Lifetime is negative"},
	} {
		err := test.config.Validate()
		if (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
			t.Errorf("%+v: %v, want %q", test.config, err, test.wrong)
		}
	}
	s := NewController(Config{ServerTimeout: time.Minute}, 0).Setting()
	if want := (Setting{25, 25, 54 * time.Second, 27 * time.Second}); s != want {
		t.Errorf("setting %+v, want %+v", s, want)
	}
}
