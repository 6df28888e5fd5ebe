package schedule

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// shapes builds testdata/shapes and returns what is run as one by the test's name.
func shapes(t *testing.T) map[string]*unit {
	t.Helper()
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
	c := &Config{Dir: "testdata/shapes", Each: true, First: true, Replays: -1, Timeout: 20 * time.Second}
	c.setDefaults()
	b, err := newBuilder(t.Context(), *c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	binaries, err := b.build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	units, err := c.units(t.Context(), binaries)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*unit{}
	for _, u := range units {
		byName[u.Test] = u
	}
	return byName
}

// TestShapes: the rotation finds defects of other shapes than the corpus has, and none where there is none.
func TestShapes(t *testing.T) {
	for name, u := range shapes(t) {
		u.run(t.Context())
		own := slices.Contains([]string{"TestWrongWaiter", "TestPreferred", "TestHeartbeat"}, name) // see TestModes
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
	for _, test := range []struct{ name, settings string }{
		{"TestWrongWaiter", "waiters=1024"},
		{"TestPreferred", "selects=2"},
		{"TestHeartbeat", "skew=200000000"},
		{"TestReadTwice", focus + ",order=1"},
		{"TestSlots", focus + ",order=1"},
	} {
		if found := shown(t, units[test.name], test.settings); found == 0 {
			t.Errorf("%s: %s does not find it", test.name, test.settings)
		}
		if found := shown(t, units[test.name], "trace=1"); found > 1 { // a busy machine perturbs too
			t.Errorf("%s: found in %d of %d runs without %s", test.name, found, seeds, test.settings)
		}
	}
}

const seeds = 12

// shown returns in how many of the seeds the unit shows a proven finding with the settings.
func shown(t *testing.T, u *unit, settings string) (found int) {
	t.Helper()
	for seed := range uint64(seeds) {
		r, err := u.execute(t.Context(), schedule{procs: 1, seed: seed + 1, text: settings}, int(seed))
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(judge(r, true), func(f Finding) bool { return f.Level != Suspect }) {
			found++
		}
	}
	return found
}

// TestMutants: what competes for an object is turned round, the sends and closes first, the standard library last.
func TestMutants(t *testing.T) {
	at := func(file string) Frame { return Frame{File: file} }
	tr := trace{schedule: schedule{mode: "focus", procs: 1, text: "order=1"}, events: []event{
		{id: 1, n: 1, kind: kindLock, object: 70, site: at("/go/src/context/context.go")},
		{id: 1, n: 2, kind: kindLock, object: 71, site: at("/x/a.go")},
		{id: 1, n: 3, kind: kindSend, object: 72, site: at("/x/a.go")},
		{id: 2, n: 1, kind: kindRecv, object: 72, site: at("/x/a.go")}, // a send and its receive meet in any order
		{id: 2, n: 2, kind: kindLock, object: 71, site: at("/x/a.go")},
		{id: 2, n: 3, kind: kindLock, object: 70, site: at("/go/src/context/context.go")},
		{id: 3, n: 1, kind: kindClose, object: 72, site: at("/x/a.go")},
	}}
	want := []point{{1, 3, lastAction}, {1, 2, lastAction}, {2, 1, lastAction}, {1, 1, lastAction}}
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
		first = append(first, m.text)
	}
	if len(first) != len(want) {
		t.Errorf("%d mutants, want %d: %q", len(first), len(want), first)
	}
	if want := "order=1,at=1:3:5"; len(first) == 0 || !strings.HasPrefix(first[0], want) {
		t.Errorf("the mutants are %q, want %q first", first, want)
	}
}
