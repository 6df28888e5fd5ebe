package stability

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/signals"
)

// A contract may change while it is watched: what means the same goes on, strikes and all; what is new warms up; what is
// wrong is refused, and the old contract stays in force.
func TestReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := new(recorder)
		m := NewMonitor(Config{Logger: quiet(), Responses: []Response{{Responder: told}}})
		d := &dial{name: "level"}
		d.value.Store(11)
		stays, goes := Check{Name: "stays", Expr: "level > 10"}, Check{Name: "goes", Expr: "level > 9"}
		start(t, m, d, &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{stays, goes}})
		pass(61 * time.Second)
		if n := len(told.strikes()); n != 2 {
			t.Fatalf("%d strikes before the change, want one of each check", n)
		}
		if err := m.Replace(&Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{{Name: "wrong", Expr: "levl > 1"}}}); err == nil {
			t.Error("a contract that does not compile is accepted")
		}
		fresh := Check{Name: "fresh", Expr: "level > 2 * baseline(level)"}
		if err := m.Replace(&Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{fresh, stays}, Mode: Enforce}); err != nil {
			t.Fatal(err)
		}
		status, _ := m.Contract("c")
		if status.Mode != Enforce || len(status.Checks) != 2 {
			t.Fatalf("the contract is %+v", status)
		}
		if k := status.Checks[0]; k.State != Unknown || k.Reason != warmingUp {
			t.Errorf("a new check is %v (%s), want it to warm up", k.State, k.Reason)
		}
		if k := status.Checks[1]; k.State != Violated || k.Instances[0].Strike != 1 {
			t.Errorf("a check that means the same is %+v, want it to go on", k)
		}
		last := m.Transitions(0)[len(m.Transitions(0))-1]
		if last.Check != "goes" || last.From != Violated || last.To != Unknown {
			t.Errorf("the last transition is %+v, want that of the check that is gone", last)
		}
		pass(30 * time.Second)
		if n := len(told.strikes()); n != 4 {
			t.Errorf("%d strikes after the change, want two more of the check that stayed", n)
		}
		pass(time.Minute)
		if status, _ := m.Contract("c"); status.Checks[0].State != Holding {
			t.Errorf("after its warm-up the new check is %v", status.Checks[0].State)
		}
		if err := m.Replace(&Contract{Name: "another", Checks: []Check{stays}}); err != nil || len(m.Contracts()) != 2 {
			t.Errorf("replacing a contract that is not there: %v, %d contracts", err, len(m.Contracts()))
		}
	})
}

// Of several contracts one of which is wrong, none is taken; what a preview would say of them is known before.
func TestReplaceAllOrNone(t *testing.T) {
	m := NewMonitor(Config{Logger: quiet()})
	if err := m.Attach(&dial{name: "level"}); err != nil {
		t.Fatal(err)
	}
	one := func(name, expr string) *Contract {
		return &Contract{Name: name, Checks: []Check{{Name: "k", Expr: expr}}}
	}
	proven := one("b", "level > 10")
	statuses, err := m.Preview(one("a", "level > 10"), proven)
	if err != nil || len(statuses) != 2 || statuses[1].Checks[0].Proven || len(m.Contracts()) != 0 {
		t.Fatalf("the preview is %+v, %v; %d contracts are watched", statuses, err, len(m.Contracts()))
	}
	proven.Falsification = fmt.Appendf(nil, `{"checks":[{"contract":"b","check":"k","hash":%q,"verdict":"proven"}]}`, statuses[1].Checks[0].Hash)
	if statuses, err = m.Preview(proven); err != nil || !statuses[0].Checks[0].Proven {
		t.Errorf("with its proof the preview is %+v, %v", statuses, err)
	}
	for name, set := range map[string][]*Contract{
		"a wrong one": {one("a", "level > 10"), one("b", "levl > 10")},
		"one twice":   {one("a", "level > 10"), one("a", "level > 11")},
		"nil":         {one("a", "level > 10"), nil},
	} {
		if err := m.Replace(set...); err == nil || len(m.Contracts()) != 0 {
			t.Errorf("%s: %v, %d contracts are watched", name, err, len(m.Contracts()))
		}
	}
	_, err = m.Preview(one("b", "levl > 10"))
	if wrong, ok := errors.AsType[*CheckError](err); !ok || wrong.Contract != "b" || wrong.Check != "k" {
		t.Errorf("the error %v does not say which check is wrong", err)
	}
}

// What is removed is watched no more, and who was told of its violation hears that it is over.
func TestRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := new(recorder)
		m := NewMonitor(Config{Logger: quiet(), Warmup: -1, Responses: []Response{{Responder: told}}})
		d := &dial{name: "level"}
		d.value.Store(11)
		contract := &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{{Name: "k", Expr: "level > 10"}}}
		start(t, m, d, contract)
		pass(15 * time.Second)
		m.Remove("c", "never there")
		pass(time.Minute)
		if n := len(told.strikes()); n != 2 || len(m.Contracts()) != 0 {
			t.Errorf("%d strikes, %d contracts; want the two of before and none", n, len(m.Contracts()))
		}
		if all := m.Transitions(0); len(all) == 0 || all[len(all)-1].From != Violated || all[len(all)-1].To != Unknown {
			t.Errorf("the transitions are %+v, want the last to leave Violated", all)
		}
		if err := m.Register(contract); err != nil {
			t.Errorf("registering it again: %v", err)
		}
	})
}

// The function of the contract that was replaced is told no more.
func TestReplaceOnViolation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		contract := func(name string) *Contract {
			return &Contract{
				Name: "c", Interval: 10 * time.Second, Checks: []Check{{Name: "level", Expr: "level > 10"}},
				OnViolation: func(context.Context, Violation) { told = append(told, name) },
			}
		}
		m := NewMonitor(Config{Logger: quiet(), Warmup: -1})
		d := &dial{name: "level"}
		d.value.Store(11)
		start(t, m, d, contract("old"))
		pass(5 * time.Second)
		if err := m.Replace(contract("new")); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if got := strings.Join(told, " "); got != "old new new" {
			t.Errorf("told: %s; want old new new", got)
		}
	})
}

// All instances of several checks break in one tick: everybody is told of every one.
func TestABurstIsToldWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		routes := make(map[string]int)
		m := NewMonitor(Config{Logger: quiet(), Warmup: -1})
		source := signals.GaugeVecFunc("stuck", signals.Count, []string{"route"}, func(set signals.Set) {
			for i := range 100 {
				set(20, fmt.Sprint("/", i))
			}
		})
		if err := m.Attach(source); err != nil {
			t.Fatal(err)
		}
		c := &Contract{Name: "c", Interval: 10 * time.Second, OnViolation: func(_ context.Context, v Violation) { routes[v.Labels.String()]++ }}
		for i := range 5 {
			c.Checks = append(c.Checks, Check{Name: fmt.Sprint("stuck", i), Expr: "stuck > 10"})
		}
		start(t, m, &dial{name: "level"}, c)
		pass(35 * time.Second)
		for route, n := range routes {
			if n != 15 {
				t.Errorf("told %d times of %s, want 15", n, route)
			}
		}
		if len(routes) != 100 || m.Status().Self.ResponsesDropped != 0 {
			t.Errorf("told of %d routes; %+v", len(routes), m.Status().Self)
		}
	})
}

// A logger that blocks, as standard output does when nobody reads the pipe, silences nobody.
func TestABlockedLoggerSilencesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		told := new(recorder)
		m := NewMonitor(Config{
			Warmup: -1, Logger: slog.New(blocked{slog.DiscardHandler, release}),
			Responses: []Response{{Responder: told}, {Responder: &recorder{do: func(context.Context) error { return errors.New("down") }}}},
		})
		d := &dial{name: "level"}
		start(t, m, d, &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{{Name: "level", Expr: "level > 10", KeepFiringFor: time.Second}}})
		for range 5 {
			d.value.Store(11)
			pass(30 * time.Second)
			d.value.Store(1)
			pass(30 * time.Second)
		}
		if n := len(told.strikes()); n != 15 {
			t.Errorf("told %d times, want 15", n)
		}
		close(release)
	})
}

// blocked is a handler that does not return until it is released.
type blocked struct {
	slog.Handler
	release chan struct{}
}

func (b blocked) Enabled(context.Context, slog.Level) bool { return true }

func (b blocked) Handle(context.Context, slog.Record) error {
	<-b.release
	return nil
}

// A disk that hangs delays the first notification by seconds, not by the minute that a capture may take.
func TestAHungDiskDelaysNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		saver, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: quiet(), Kinds: []evidence.Kind{hangs(release)}, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		told := new(recorder)
		m := NewMonitor(Config{Warmup: -1, Logger: quiet(), Evidence: saver, Responses: []Response{{Responder: told}}})
		d := &dial{name: "level"}
		d.value.Store(11)
		start(t, m, d, &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{{Name: "level", Expr: "level > 10"}}})
		pass(evidencePatience + 2*time.Second)
		if n := len(told.strikes()); n != 1 {
			t.Errorf("told %d times while the disk hangs, want once", n)
		}
		close(release)
		pass(30 * time.Second)
		if seen := told.seen; len(seen) != 3 || seen[0].Evidence != "" || seen[2].Evidence == "" {
			t.Errorf("told %+v, want the third strike to have the link", seen)
		}
	})
}

// hangs is a kind of evidence that waits to be released.
type hangs chan struct{}

func (hangs) Name() string { return "hangs" }

func (h hangs) Collect(context.Context, *evidence.Draft) error {
	<-h
	return nil
}

// A service that its tests start twice in one process is watched twice.
func TestRenew(t *testing.T) {
	m := NewMonitor(Config{Logger: quiet()})
	source := &dial{name: "queue.depth"}
	if err := m.Attach(source); err != nil {
		t.Fatal(err)
	}
	if err := m.Register(&Contract{Name: "c", Checks: []Check{{Name: "k", Expr: "queue.depth > 1"}}}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := m.Start(); err != nil {
			t.Fatal(err)
		}
		beside, err := m.Renew()
		if err != nil || len(beside.Contracts()) != 1 || len(beside.samplers) != 1 {
			t.Errorf("beside a running monitor: %v, want the contract, and the source left to it", err)
		}
		beside.Stop()
		m.Stop()
		renewed, err := m.Renew()
		if err != nil || len(renewed.samplers) != 2 || renewed.Started() || !m.Started() {
			t.Fatalf("after Stop: %v, %+v", err, renewed)
		}
		m = renewed
	}
}

// closing is a responder that hears the end of incidents.
type closing struct {
	recorder
	ended []Transition
}

func (c *closing) Recovered(_ context.Context, v Violation, t Transition) error {
	if v.Name != t.Check || v.Labels != t.Labels {
		return fmt.Errorf("the end of %v is told as that of %v", t, v)
	}
	c.ended = append(c.ended, t)
	return nil
}

// Who was told of a violation is told of its end, once; who was not, because it begins at a later strike, is not.
func TestRecoveriesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		early, late := new(closing), new(closing)
		m := NewMonitor(Config{Warmup: -1, Logger: quiet(), Responses: []Response{{Responder: early}, {Responder: late, Strike: 3}}})
		d := &dial{name: "level"}
		start(t, m, d, &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{{Name: "level", Expr: "level > 10", KeepFiringFor: time.Second}}})
		for _, violated := range []time.Duration{12 * time.Second, 40 * time.Second} {
			d.value.Store(11)
			pass(violated)
			d.value.Store(1)
			pass(30 * time.Second)
		}
		if len(early.ended) != 2 || early.ended[0].From != Violated || len(late.ended) != 1 || len(late.strikes()) != 1 {
			t.Errorf("the early responder heard %d ends, the late one %d of %d", len(early.ended), len(late.ended), len(late.strikes()))
		}
		if f := m.Status().Self.ResponderFailures; f != 0 {
			t.Errorf("%d failures", f)
		}
	})
}

func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor(Config{Warmup: -1, Logger: quiet()})
		d := &dial{name: "level"}
		start(t, m, d, &Contract{Name: "c", Interval: time.Second, Checks: []Check{{Name: "level", Expr: "level > 10"}}})
		for i := range pointsKept + 30 {
			d.value.Store(int64(i % 20))
			pass(time.Second)
		}
		points := m.History("c", "level")
		if len(points) != pointsKept || points[0].Age >= points[1].Age || points[pointsKept-1].Age-points[0].Age != (pointsKept-1)*time.Second {
			t.Errorf("%d points, from %v to %v", len(points), points[0].Age, points[len(points)-1].Age)
		}
		if *points[0].Threshold != 10 || points[0].Value == nil {
			t.Errorf("the first point is %+v", points[0])
		}
		if m.History("c", "none") != nil || m.History("none", "level") != nil {
			t.Error("what is not there has a history")
		}
	})
}
