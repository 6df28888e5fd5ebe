package schedule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// shapes builds testdata/shapes and returns what is run as one by the test's name.
func shapes(t *testing.T) map[string]*unit {
	t.Helper()
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
	c := &Config{Dir: "testdata/shapes", Each: true, First: true, Replays: -1, Timeout: 20 * time.Second, Cache: t.TempDir()}
	c.setDefaults()
	b, err := newBuilder(t.Context(), *c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	binaries, err := b.build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*unit{}
	for _, u := range c.units(t.Context(), binaries) {
		byName[u.Test] = u
	}
	return byName
}

// TestShapes: the rotation finds defects of other shapes than the corpus has, and none where there is none.
func TestShapes(t *testing.T) {
	for name, u := range shapes(t) {
		u.run(t.Context(), time.Now().Add(time.Minute))
		own := slices.Contains([]string{"TestWrongWaiter", "TestPreferred", "TestHeartbeat", "TestLogsLate"}, name) // see TestModes
		if found := u.proven(); found == (name == "TestSound") && !own {
			t.Errorf("%s: found %v in %d runs", name, found, u.Runs)
		}
		t.Logf("%s: found %v in %d runs", name, u.proven(), u.Runs)
		if u.Killed > 0 {
			t.Errorf("%s: %d runs hung", name, u.Killed)
		}
	}
}

// TestModes: each of these finds what no other can find soon, and not when it is switched off.
func TestModes(t *testing.T) {
	units := shapes(t)
	for _, test := range []struct {
		name     string
		settings point.Settings
	}{
		{"TestWrongWaiter", point.Settings{LastFirst: point.Always}},
		{"TestPreferred", point.Settings{Select: point.SelectFixed}},
		{"TestHeartbeat", point.Settings{Skew: 200 * time.Millisecond}},
		{"TestLogsLate", outliveMode.Settings},
		{"TestReadTwice", focus(point.ChildFirst)},
		{"TestSlots", focus(point.ChildFirst)},
	} {
		if found := shown(t, units[test.name], test.settings); found == 0 {
			t.Errorf("%s: %s does not find it", test.name, test.settings)
		}
		if found := shown(t, units[test.name], point.Settings{}); found > 1 { // a busy machine perturbs too
			t.Errorf("%s: found in %d of %d runs without %s", test.name, found, seeds, test.settings)
		}
	}
}

const seeds = 12

// shown returns in how many of the seeds the unit shows a proven finding with the settings.
func shown(t *testing.T, u *unit, settings point.Settings) (found int) {
	t.Helper()
	for seed := range uint64(seeds) {
		r, err := u.execute(t.Context(), schedule{procs: 1, seed: seed + 1, settings: settings}, false)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(judge(r, 0, u.config.Timeout), func(f Finding) bool { return f.Level != Suspect }) {
			found++
		}
	}
	return found
}

// TestMutants: what competes for an object is turned round, the sends and closes first, the standard library last.
func TestMutants(t *testing.T) {
	at := func(file string) Frame { return Frame{File: file} }
	tr := trace{schedule: schedule{mode: "focus", procs: 1, settings: point.Settings{Order: point.ChildFirst}}, events: []event{
		{id: 1, n: 1, kind: point.Lock, object: 70, site: at("/go/src/context/context.go")},
		{id: 1, n: 2, kind: point.Lock, object: 71, site: at("/x/a.go")},
		{id: 1, n: 3, kind: point.Send, object: 72, site: at("/x/a.go")},
		{id: 2, n: 1, kind: point.Recv, object: 72, site: at("/x/a.go")}, // a send and its receive meet in any order
		{id: 2, n: 2, kind: point.Lock, object: 71, site: at("/x/a.go")},
		{id: 2, n: 3, kind: point.Lock, object: 70, site: at("/go/src/context/context.go")},
		{id: 3, n: 1, kind: point.Close, object: 72, site: at("/x/a.go")},
	}}
	last := func(id uint64, n uint32) point.Planned { return point.Planned{ID: id, N: n, Action: point.StayLast} }
	want := []point.Planned{last(1, 3), last(1, 2), last(2, 1), last(1, 1)}
	if have := tr.early("/go"); !slices.Equal(have, want) {
		t.Errorf("held back are %v, want %v", have, want)
	}
	u := &unit{config: &Config{Seed: 1}, binary: binary{goroot: "/go"}, tried: map[tried]bool{}, kept: []trace{tr}}
	u.rng = u.config.rng("mutants")
	var first []string
	for {
		m, ok := u.mutant()
		if !ok {
			break
		}
		first = append(first, m.settings.String())
	}
	if len(first) != len(want) {
		t.Errorf("%d mutants, want %d: %q", len(first), len(want), first)
	}
	if want := ",at=1:3:5"; len(first) == 0 || !strings.HasPrefix(first[0], "order=1") || !strings.HasSuffix(first[0], want) {
		t.Errorf("the mutants are %q, want %q first", first, want)
	}
}

// TestRaceRotation: with the race detector the first ten schedules are of both ways at whole strength, of small changes on one,
// two and four processors, and of one in which goroutines outlive who started them.
func TestRaceRotation(t *testing.T) {
	u := &unit{config: &Config{Seed: 1, Race: true}, tried: map[tried]bool{}}
	u.rng = u.config.rng("race")
	got := map[string]int{}
	for i := range 10 {
		s := u.next(i)
		got[fmt.Sprintf("%s %d", s.mode, s.procs)]++
		if s.mode == outliveMode.Name && s.settings.Priorities != point.OldestFirst {
			t.Errorf("%s does not run the oldest first", s)
		}
	}
	for _, want := range []string{"focus 1", "young 1", "race 1", "race 2", "race 4", "outlive 1"} {
		if got[want] == 0 {
			t.Errorf("%s is not among %v", want, got)
		}
	}
}
