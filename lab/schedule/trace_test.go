package schedule

import (
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// report is what two goroutines leave that wait for each other's lock, at 96 and at 104: next to each other.
const report = `perturb 1 exit code=0 leaked=0 points=4 acted=2
e 11 1 5 0 96 p.f p/p.go:10
e 12 1 5 3 104 p.g p/my p.go:20
g 7 11 0 s 2 w108
h 96 5 p.f p/p.go:10
h 104 5 p.f p/p.go:11
g 8 12 0 s 2 w100
h 104 5 p.g p/my p.go:20
h 96 5 p.g p/my p.go:21
stacks
goroutine 7 [sync.Mutex.Lock]:
p.f()
	p/p.go:11 +0x1
created by p.h in goroutine 1
	p/p.go:3 +0x1

goroutine 8 [sync.Mutex.Lock]:
p.g()
	p/my p.go:21 +0x1
created by p.h in goroutine 1
	p/p.go:4 +0x1

end
`

func TestParseTrace(t *testing.T) {
	tr, err := parseTrace([]byte(report))
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.events) != 2 || len(tr.gs) != 2 || tr.gs[1].from != 1 || tr.gs[1].held[1].site.File != "p/my p.go" {
		t.Errorf("parsed %+v", tr)
	}
	for cut := range len(report) {
		if _, err := parseTrace([]byte(report[:cut])); err == nil {
			t.Fatalf("a report cut after %d bytes was taken for a whole one", cut)
		}
	}
}

func TestCycleOfAdjacentLocks(t *testing.T) {
	tr, err := parseTrace([]byte(report))
	if err != nil {
		t.Fatal(err)
	}
	found := judgeTrace(tr)
	if len(found) != 1 || found[0].Level != Cycle || len(found[0].Sides) != 2 {
		t.Errorf("found %+v, want one CYCLE with two sides", found)
	}
	// The same without one of the two held locks is no circle.
	tr.gs[0].held = tr.gs[0].held[1:]
	for _, f := range judgeTrace(tr) {
		if f.Level != Suspect {
			t.Errorf("half a circle was called %v", f.Level)
		}
	}
}

func TestReadersAndWriters(t *testing.T) {
	// Goroutine 1 holds a read lock of the RWMutex at 64 and wants another one; goroutine 2, a writer, waits between.
	reader := goroutine{goid: 1, id: 1, waits: []uint64{64 + semReader},
		held: []lock{{64, point.RLock, Frame{}}, {64, point.RLock, Frame{}}}}
	writer := goroutine{goid: 2, id: 2, waits: []uint64{64 + semWriter}, held: []lock{{64, point.WLock, Frame{}}}}
	gr := newGraph(&trace{gs: []goroutine{reader, writer}})
	if hs := gr.blockers(reader); len(hs) != 1 || hs[0].g.goid != 2 {
		t.Errorf("the reader waits for %v, want the writer", hs)
	}
	if c := gr.cycles([]goroutine{reader, writer}); len(c) != 1 || len(c[0]) != 2 {
		t.Errorf("circles %v, want one of both", c)
	}
}

func TestScheduleText(t *testing.T) {
	for _, text := range []string{"mode=focus,procs=1,seed=7,nested=900,stay-send=700", "mode=off,procs=2,seed=0",
		"mode=plan,procs=1,seed=0,at=1:2:3,at=4:5:6"} {
		s, err := parseSchedule(text)
		if err != nil || s.String() != text {
			t.Errorf("%s became %s (%v)", text, s, err)
		}
	}
	for _, text := range []string{"", "procs=x", "seed=-1", "off", "k1=700"} {
		if _, err := parseSchedule(text); err == nil || !strings.HasPrefix(err.Error(), "schedule: ") {
			t.Errorf("%q: err = %v", text, err)
		}
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add([]byte(report))
	f.Fuzz(func(t *testing.T, text []byte) {
		tr, err := parseTrace(text)
		if err != nil {
			return
		}
		judgeTrace(tr)
		tr.reached()
	})
}
