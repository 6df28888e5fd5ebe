package stability

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/signals"
)

// dial is a source of one gauge that tests turn by hand.
type dial struct {
	name  string
	value atomic.Int64
	hook  func() // called at each reading

	signal *signals.Signal // made by Describe
}

func (d *dial) Describe() []*signals.Signal {
	d.signal = signals.Declare(signals.Desc{Name: d.name, Source: "test", Help: "Turned by hand."})
	return []*signals.Signal{d.signal}
}

func (d *dial) Sample(dst *signals.Batch) {
	if d.hook != nil {
		d.hook()
	}
	dst.Add(d.signal, float64(d.value.Load()))
}

// recorder is a responder that remembers.
type recorder struct {
	mu   sync.Mutex
	seen []Violation
	do   func(ctx context.Context) error
}

func (*recorder) Name() string { return "recorder" }

func (r *recorder) Respond(ctx context.Context, v Violation) error {
	r.mu.Lock()
	r.seen = append(r.seen, v)
	r.mu.Unlock()
	if r.do != nil {
		return r.do(ctx)
	}
	return nil
}

func (r *recorder) strikes() (strikes []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range r.seen {
		strikes = append(strikes, v.Strike)
	}
	return strikes
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// watch starts a monitor with one check, "level > 10", on a dial, judged every 10 s.
func watch(t *testing.T, cfg Config, mode Mode) (*Monitor, *dial) {
	t.Helper()
	d := &dial{name: "level"}
	cfg.Warmup = -1
	cfg.Logger = quiet()
	m := NewMonitor(cfg)
	start(t, m, d, &Contract{Name: "c", Mode: mode, Interval: 10 * time.Second,
		Checks: []Check{{Name: "level", Expr: "level > 10"}}})
	return m, d
}

func start(t *testing.T, m *Monitor, source signals.Source, contracts ...*Contract) {
	t.Helper()
	if err := m.Attach(source); err != nil {
		t.Fatal(err)
	}
	for _, c := range contracts {
		if err := m.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
}

func pass(d time.Duration) {
	time.Sleep(d) // virtual: every caller runs in a synctest bubble
	synctest.Wait()
}

func state(t *testing.T, m *Monitor, contract string) State {
	t.Helper()
	c, ok := m.Contract(contract)
	if !ok {
		t.Fatalf("no contract %s", contract)
	}
	return c.State
}

func TestLadder(t *testing.T) {
	for _, test := range []struct {
		mode          Mode
		log, act, own string
	}{
		{Observe, "[1 2 3]", "[]", "[1 2 3]"},
		{Enforce, "[1 2 3]", "[3]", "[1 2 3]"},
	} {
		t.Run(test.mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, notify, act, own := new(recorder), new(recorder), new(recorder), new(recorder)
				d := &dial{name: "level"}
				m := NewMonitor(Config{Warmup: -1, Logger: quiet(), Responses: []Response{
					{Responder: log}, {Responder: notify, Strike: 2}, {Responder: act, Strike: 3, Acts: true},
				}})
				start(t, m, d, &Contract{Name: "c", Mode: test.mode, Interval: 10 * time.Second,
					Checks:      []Check{{Name: "level", Expr: "level > 10"}},
					OnViolation: func(ctx context.Context, v Violation) { own.Respond(ctx, v) }})
				pass(15 * time.Second)
				d.value.Store(11)
				pass(time.Minute)
				for name, got := range map[string][2]string{
					"log": {fmt.Sprint(log.strikes()), test.log}, "notify": {fmt.Sprint(notify.strikes()), "[2 3]"},
					"act": {fmt.Sprint(act.strikes()), test.act}, "OnViolation": {fmt.Sprint(own.strikes()), test.own},
				} {
					if got[0] != got[1] {
						t.Errorf("%s was told at strikes %s, want %s", name, got[0], got[1])
					}
				}
				v := log.seen[0]
				if v.Value != 11 || v.Threshold != 10 || v.Expr != "level > 10" || v.Contract != "c" {
					t.Errorf("violation is %+v", v)
				}
			})
		})
	}
}

// Who asks for it is told of what stays violated, so often and no longer than it does; the others are not.
func TestRepeatAfterTheLadder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		again, once := new(recorder), new(recorder)
		_, d := watch(t, Config{Responses: []Response{{Responder: again, Repeat: time.Minute}, {Responder: once}}}, Enforce)
		d.value.Store(11)
		pass(10 * time.Minute)
		told := again.strikes()
		if n := len(told); n < 3+8 || n > 3+10 || fmt.Sprint(told[:3]) != "[1 2 3]" {
			t.Errorf("in ten minutes told at strikes %v, want the first three and one a minute", told)
		}
		if got := fmt.Sprint(once.strikes()); got != "[1 2 3]" {
			t.Errorf("who did not ask for more was told at strikes %s", got)
		}
		d.value.Store(0)
		pass(time.Minute)
		n := len(again.strikes())
		pass(10 * time.Minute)
		if now := len(again.strikes()); now != n {
			t.Errorf("told %d times after the end", now-n)
		}
	})
}

// A contract that flaps must not act in a storm.
func TestActingIsRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		act := new(recorder)
		_, d := watch(t, Config{Responses: []Response{{Responder: act, Acts: true}}}, Enforce)
		for range 20 {
			d.value.Store(11)
			pass(20 * time.Second)
			d.value.Store(0)
			pass(40 * time.Second)
		}
		if n := len(act.strikes()); n < 2 || n > 3 {
			t.Errorf("acted %d times in 20 minutes, want once in ten", n)
		}
	})
}

// What the rate limit holds back is acted on late rather than never, if it is still violated then.
func TestHeldBackActionComesLate(t *testing.T) {
	for _, recovers := range []bool{false, true} {
		t.Run(fmt.Sprint("recovers ", recovers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				act := new(recorder)
				m, first := watch(t, Config{Responses: []Response{{Responder: act, Strike: 3, Acts: true}}}, Enforce)
				second := &dial{name: "second"}
				if err := m.Attach(second); err != nil {
					t.Fatal(err)
				}
				if err := m.Register(&Contract{Name: "d", Mode: Enforce, Interval: 10 * time.Second,
					Checks: []Check{{Name: "second", Expr: "second > 10"}}}); err != nil {
					t.Fatal(err)
				}
				first.value.Store(11)
				pass(time.Minute)
				second.value.Store(11)
				pass(5 * time.Minute)
				if recovers {
					second.value.Store(0)
				}
				pass(10 * time.Minute)
				want := 2
				if recovers {
					want = 1
				}
				if n := len(act.strikes()); n != want {
					t.Errorf("acted %d times, want %d", n, want)
				}
			})
		})
	}
}

func TestHazard04MonitorDiesSilently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor(Config{})
		if !m.Status().Stale {
			t.Error("a monitor that was never started vouches for its contracts")
		}
		if err := m.Start(); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if s := m.Status(); s.Stale || s.LastTick > time.Second {
			t.Errorf("a running monitor is stale: %v", s.LastTick)
		}
		m.Stop()
		m.Stop()
		pass(time.Second)
		if !m.Status().Stale {
			t.Error("a stopped monitor vouches for its contracts")
		}
		if err := m.Start(); !errors.Is(err, ErrStarted) {
			t.Errorf("starting a stopped monitor: %v", err)
		}
	})
}

// A tick that does not come, for whatever reason, shows by its age.
func TestHazard04StaleByAge(t *testing.T) {
	m := NewMonitor(Config{})
	m.running, m.ctx, m.started = true, t.Context(), time.Now().Add(-time.Minute)
	m.lastTick.Store(int64(58 * time.Second))
	if s := m.Status(); s.Stale {
		t.Errorf("2 s after the last tick the monitor is stale")
	}
	m.lastTick.Store(int64(10 * time.Second))
	if s := m.Status(); !s.Stale || s.LastTick < 50*time.Second {
		t.Errorf("%v after the last tick the monitor is not stale", s.LastTick)
	}
}

func TestHazard05ResponderHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hang := &recorder{do: func(context.Context) error { <-release; return nil }}
		fine := new(recorder)
		m, d := watch(t, Config{Responses: []Response{{Responder: hang}, {Responder: fine}}}, Observe)
		for range violationsKept {
			m.tell(Violation{Contract: "of a burst", Strike: 1}, nil)
		}
		pass(time.Second)
		for range 30 { // each incident is told thrice, more than the hanging one's mailbox holds
			d.value.Store(11)
			pass(30 * time.Second)
			d.value.Store(0)
			pass(30 * time.Second)
		}
		s := m.Status().Self
		if n := len(fine.strikes()); n != 90+violationsKept {
			t.Errorf("the other responder was told %d times, want %d", n, 90+violationsKept)
		}
		if n := len(hang.strikes()); n != 1 {
			t.Errorf("the hanging responder was called %d times, want 1", n)
		}
		if s.RespondersHung != 1 || s.ResponsesDropped == 0 {
			t.Errorf("hung = %d, want 1; dropped = %d, want some", s.RespondersHung, s.ResponsesDropped)
		}
		if s.Ticks < 1750 {
			t.Errorf("%d ticks in half an hour: sampling was held up", s.Ticks)
		}
		close(release)
	})
}

// Ages come from the monotonic clock: a wall clock set back or forth by an hour moves no window.
func TestHazard14ClockJump(t *testing.T) {
	m := NewMonitor(Config{})
	start(t, m, &dial{name: "level"})
	if !strings.Contains(m.started.String(), " m=") {
		t.Errorf("the start %v has no reading of the monotonic clock", m.started)
	}
}

func TestHazard15OnViolationPanicsOrBlocks(t *testing.T) {
	for name, misbehave := range map[string]func(ctx context.Context){
		"panics": func(context.Context) { panic("user code") },
		"exits":  func(context.Context) { runtime.Goexit() },
		"blocks": func(ctx context.Context) { <-ctx.Done() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				d := &dial{name: "level"}
				m := NewMonitor(Config{Warmup: -1, Logger: quiet()})
				start(t, m, d, &Contract{Name: "c", Interval: 10 * time.Second,
					Checks:      []Check{{Name: "level", Expr: "level > 10"}},
					OnViolation: func(ctx context.Context, _ Violation) { calls.Add(1); misbehave(ctx) }})
				d.value.Store(11)
				pass(time.Minute)
				s := m.Status().Self
				if calls.Load() != 3 || s.ResponderFailures != 3 {
					t.Errorf("%d calls, %d failures, want 3 and 3", calls.Load(), s.ResponderFailures)
				}
				if s.Ticks < 55 {
					t.Errorf("%d ticks in a minute", s.Ticks)
				}
			})
		})
	}
}

// Contracts are registered in init functions, and the default monitor is configured in main.
func TestConfigureKeepsOnViolation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := new(recorder)
		m := NewMonitor(Config{})
		d := &dial{name: "level"}
		d.value.Store(11)
		if err := m.Attach(d); err != nil {
			t.Fatal(err)
		}
		if err := m.Register(&Contract{Name: "c", Checks: []Check{{Name: "level", Expr: "level > 10"}},
			OnViolation: func(ctx context.Context, v Violation) { own.Respond(ctx, v) }}); err != nil {
			t.Fatal(err)
		}
		if err := m.Configure(Config{Warmup: -1, Logger: quiet()}); err != nil {
			t.Fatal(err)
		}
		start(t, m, &dial{name: "other"})
		pass(2 * time.Minute)
		if got := fmt.Sprint(own.strikes()); got != "[1 2 3]" {
			t.Errorf("OnViolation was told at strikes %s, want [1 2 3]", got)
		}
	})
}

func TestConfigValidate(t *testing.T) {
	for want, cfg := range map[string]Config{
		"below 1ms":    {SampleInterval: -1},
		"no Responder": {Responses: []Response{{}}},
		"strike 4":     {Responses: []Response{{Responder: new(recorder), Strike: 4}}}, // it would never be called
	} {
		if err := NewMonitor(cfg).Start(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want it to say %q", cfg, err, want)
		}
	}
}

// A source that takes too long, each time anew, costs the others no reading.
func TestSlowSourceCostsOthersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor(Config{Logger: quiet()})
		slow := &dial{name: "slow", hook: func() { <-time.After(700 * time.Millisecond) }}
		if err := m.Attach(slow); err != nil {
			t.Fatal(err)
		}
		start(t, m, &dial{name: "level"})
		pass(time.Minute)
		m.Stop()
		pass(time.Second) // for the slow one to end
		if n := m.samplers[1].failures.Load(); n < 50 {
			t.Errorf("the slow source failed %d times in a minute: the test shows nothing", n)
		}
		if n := m.samplers[2].failures.Load(); n != 0 {
			t.Errorf("the other source failed %d times", n)
		}
	})
}

// A source that ends its goroutine once is read again.
func TestSourceExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exited := false
		d := &dial{name: "level", hook: func() {
			if !exited {
				exited = true
				runtime.Goexit()
			}
		}}
		m := NewMonitor(Config{Logger: quiet()})
		start(t, m, d)
		pass(time.Minute)
		if n := m.Status().Self.SourceFailures; n != 1 {
			t.Errorf("%d readings were lost, want 1", n)
		}
	})
}

// A signal that falls silent leaves a value that is no number: it must not make the rest unreadable.
func TestTransitionsAreJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var silent atomic.Bool
		m := NewMonitor(Config{Warmup: -1, Logger: quiet()})
		level := signals.GaugeFunc("level", signals.Count, func() float64 {
			if silent.Load() {
				return math.NaN()
			}
			return math.MaxFloat64
		})
		start(t, m, level, &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{{Name: "level", Expr: "level * 10 > 10"}}}) // an infinity
		pass(15 * time.Second)
		if _, err := json.Marshal(m.Snapshot(0)); err != nil {
			t.Error(err)
		}
		silent.Store(true)
		pass(time.Minute)
		transitions := m.Transitions(0)
		if n := len(transitions); n < 2 || transitions[n-1].To != Unknown {
			t.Fatalf("transitions are %+v: the test shows nothing", transitions)
		}
		if _, err := json.Marshal(transitions); err != nil {
			t.Error(err)
		}
	})
}

// A user's reading function that hangs or panics takes down its own signal only.
func TestSourceHangsOrPanics(t *testing.T) {
	for name, misbehave := range map[string]func(release chan struct{}){
		"hangs":  func(release chan struct{}) { <-release },
		"panics": func(chan struct{}) { panic("user code") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, d := watch(t, Config{}, Observe)
				release := make(chan struct{})
				bad := &dial{name: "bad", hook: func() { misbehave(release) }}
				if err := m.Attach(bad); err != nil {
					t.Fatal(err)
				}
				if err := m.Register(&Contract{Name: "bad", Interval: 10 * time.Second,
					Checks: []Check{{Name: "bad", Expr: "bad > 10"}}}); err != nil {
					t.Fatal(err)
				}
				d.value.Store(11)
				pass(time.Minute)
				s := m.Status()
				if state(t, m, "c") != Violated || state(t, m, "bad") != Unknown {
					t.Errorf("states are %v and %v, want violated and unknown", state(t, m, "c"), state(t, m, "bad"))
				}
				if s.Self.Ticks < 55 || s.Self.SourceFailures < 50 {
					t.Errorf("%d ticks and %d source failures in a minute", s.Self.Ticks, s.Self.SourceFailures)
				}
				close(release)
				if name == "hangs" {
					pass(20 * time.Second)
					if state(t, m, "bad") != Holding {
						t.Errorf("after the source came back its check is %v", state(t, m, "bad"))
					}
				}
			})
		})
	}
}

func TestHazard13BadContractPushed(t *testing.T) {
	m := NewMonitor(Config{Warmup: -1})
	good := &Contract{Name: "good", Checks: []Check{{Name: "a", Expr: "go.goroutine.count > 5"}}}
	if err := m.Register(good); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		contract *Contract
		want     string
	}{
		{nil, "it is nil"},
		{&Contract{}, "has no name"},
		{&Contract{Name: "x"}, "promises nothing"},
		{&Contract{Name: "x", Checks: []Check{{Name: "a", Expr: "go.goroutine.cuont > 5"}}}, "go.goroutine.count"},
		{&Contract{Name: "x", Checks: []Check{{Name: "a", Expr: "1 > 0"}, {Name: "a", Expr: "2 > 0"}}}, "twice"},
		{&Contract{Name: "x", Checks: good.Checks, Falsification: []byte("{")}, "falsification.json"},
		{good, "one of that name"},
	} {
		err := m.Register(test.contract)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("registering %+v: error %v, want it to say %q", test.contract, err, test.want)
		}
	}
	half := &Contract{Name: "x", Checks: []Check{{Name: "a", Expr: "rate(go.gc.cycles[1h]) > 5"}, {Name: "b", Expr: "nosuch > 5"}}}
	before := historyKept(m, "go.gc.cycles")
	if err := m.Register(half); err == nil || historyKept(m, "go.gc.cycles") != before {
		t.Errorf("a refused contract (%v) made the monitor keep more history", err)
	}
	if s := m.Status(); len(s.Contracts) != 1 || s.Contracts[0].Name != "good" {
		t.Errorf("after the refusals the contracts are %+v", s.Contracts)
	}
}

// historyKept pushes a reading and returns how many the monitor has room for.
func historyKept(m *Monitor, name string) int {
	id, _, _ := m.schema.Lookup(name)
	m.engine.store.Push(signals.Sample{ID: id, At: m.engine.now, Value: 1})
	return m.engine.store.Instances(id)[0].Cap()
}

// A check counts as proven by the falsification.json only while its meaning is the one that was proven.
func TestProven(t *testing.T) {
	register := func(c *Contract) CheckStatus {
		m := NewMonitor(Config{})
		if err := m.Register(c); err != nil {
			t.Fatal(err)
		}
		status, _ := m.Contract(c.Name)
		return status.Checks[0]
	}
	base := Contract{Name: "c", Checks: []Check{{Name: "g", Expr: "runtime.NumGoroutine() > 2000"}}}
	hash := register(&base).Hash
	base.Falsification = fmt.Appendf(nil, `{"tier":"pr","checks":[{"contract":"c","check":"g","hash":%q,"verdict":"proven"}]}`, hash)
	for _, test := range []struct {
		expr string
		keep time.Duration
		want bool
	}{
		{"runtime.NumGoroutine() > 2000", 0, true},
		{"go.goroutine.count>2000", 0, true}, // the same meaning in another spelling
		{"go.goroutine.count > 2001", 0, false},
		{"runtime.NumGoroutine() > 2000", time.Minute, false},
	} {
		c := base
		c.Checks = []Check{{Name: "g", Expr: test.expr, KeepFiringFor: test.keep}}
		if got := register(&c); got.Proven != test.want || (got.Tier == "pr") != test.want {
			t.Errorf("%s, KeepFiringFor %v: proven = %v by tier %q, want %v", test.expr, test.keep, got.Proven, got.Tier, test.want)
		}
	}
	// A check that stayed from another run has its own tier and date; the file's holds for the others, which may have none.
	base.Falsification = fmt.Appendf(nil, `{"tier":"quick","checks":[{"contract":"c","check":"g","hash":%q,"verdict":"proven","tier":"nightly","at":"2026-11-30T22:04:05Z"}]}`, hash)
	got := register(&base)
	if !got.Proven || got.Tier != "nightly" || !got.ProvenAt.Equal(time.Date(2026, 11, 30, 22, 4, 5, 0, time.UTC)) {
		t.Errorf("proven %v by tier %q at %v", got.Proven, got.Tier, got.ProvenAt)
	}
}

func TestTrialOfAViolation(t *testing.T) {
	at := time.Date(2026, 12, 1, 1, 0, 0, 0, time.FixedZone("", 2*3600)) // it is still November in UTC
	for want, v := range map[string]Violation{
		"": {}, "quick": {Tier: "quick"}, "2026-11-30": {ProvenAt: at}, "pr, 2026-11-30": {Tier: "pr", ProvenAt: at},
	} {
		if got := v.Trial(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Two monitors that read one source at once would each see a part of it, and race.
func TestASourceBelongsToOneMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &dial{name: "level"}
		first, second := NewMonitor(Config{Logger: quiet()}), NewMonitor(Config{Logger: quiet()})
		start(t, first, source)
		for _, m := range []*Monitor{first, second} {
			if err := m.Attach(source); !errors.Is(err, ErrAttached) {
				t.Errorf("attaching a source again: %v", err)
			}
		}
		first.Stop()
		synctest.Wait()
		if err := second.Attach(source); err != nil {
			t.Errorf("after the first monitor was stopped: %v", err)
		}
		second.Stop() // which was never started
		if err := NewMonitor(Config{}).Attach(source); err != nil {
			t.Errorf("after one was stopped that was never started: %v", err)
		}
	})
}
