package budget

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// sim is a cluster with two operators that both believe to lead. Each random step is one call of one of them, or something that
// happens in the world. It counts effects by true time and by what the pods truly are, not by the ledger.
type sim struct {
	rnd       *rand.Rand
	limits    Policy // what the oracle holds against
	given     Policy // what the operators are given
	now       time.Time
	ledger    Ledger
	version   int
	workloads []*simWorkload
	operators [2]*simOperator
	turn      int // whose it is
	effects   []simEffect
	noCAS     bool
	noFence   bool
	noClock   bool
	serial    int
	incidents int
	reasons   map[Reason]int
	steps     map[Step]int
	kills     int
	broken    []string
}

type simEffect struct {
	at, undone time.Time
	workload   *simWorkload
	pod        *simPod
}

type simWorkload struct {
	ns, name string
	wanted   int
	pdb      int // ready pods that it keeps, -1 for none
	handsOff bool
	unknown  bool
	pods     []*simPod
	changes  int // by others than the operators
}

type simPod struct {
	uid                      string
	ready                    bool
	reading                  Reading
	proven                   bool
	strike                   int
	reported                 time.Time
	ever                     bool // violated, proven
	mark, bore, fenced       string
	incident                 string
	byPerson, restore, touch bool
	gone                     bool
	version                  int
}

func newSim(seed uint64, limits Policy) *sim {
	s := &sim{rnd: rand.New(rand.NewPCG(seed, 7)), limits: limits, given: limits, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		reasons: map[Reason]int{}, steps: map[Step]int{}}
	for i, wanted := range []int{1, 3, 4, 6, 8, 8} {
		w := &simWorkload{ns: fmt.Sprintf("ns%d", i%2), name: fmt.Sprintf("w%d", i), wanted: wanted, pdb: -1}
		if i%3 == 2 {
			w.pdb = wanted - 2
		}
		s.workloads = append(s.workloads, w)
		s.replace(w)
		for _, p := range w.pods {
			p.ready = true
		}
	}
	for i := range s.operators {
		s.operators[i] = &simOperator{sim: s}
	}
	return s
}

func (s *sim) chance(percent float64) bool { return s.rnd.Float64()*100 < percent }

func (s *sim) pod() (*simWorkload, *simPod) {
	w := s.workloads[s.rnd.IntN(len(s.workloads))]
	if len(w.pods) == 0 {
		return w, nil
	}
	return w, w.pods[s.rnd.IntN(len(w.pods))]
}

// replace does what a ReplicaSet does: pods that are marked have left it.
func (s *sim) replace(w *simWorkload) {
	n := 0
	for _, p := range w.pods {
		if p.mark == "" {
			n++
		}
	}
	for ; n < w.wanted; n++ {
		s.serial++
		w.pods = append(w.pods, &simPod{uid: fmt.Sprint("u", s.serial), reading: Holding, proven: s.chance(80)})
	}
}

func (w *simWorkload) state(of *simPod) Workload {
	out := Workload{Known: !w.unknown, Wanted: w.wanted, HandsOff: w.handsOff}
	for _, p := range w.pods {
		if p.ready && p.mark == "" {
			out.Ready++
		}
	}
	out.HandsOff = out.HandsOff || of.restore || of.byPerson || of.bore != "" && of.mark == "" && of.fenced != of.bore
	out.TargetUp = of.ready && of.mark == ""
	if w.pdb >= 0 {
		out.PDBs, out.PDBAllows = 1, out.Ready-w.pdb
	}
	return out
}

// happen is one event that no operator has caused.
func (s *sim) happen() {
	w, p := s.pod()
	if p == nil {
		s.replace(w)
		return
	}
	switch s.rnd.IntN(16) {
	case 0, 1, 2:
		s.pass()
	case 3:
		if s.chance(4) {
			s.now = s.now.Add(time.Duration(s.rnd.IntN(90)) * time.Minute)
		}
	case 4, 5:
		if p.reading != Violated {
			s.incidents++
			p.reading, p.strike, p.incident = Violated, 0, fmt.Sprint(p.uid, "@", s.incidents)
		}
		p.strike, p.reported, p.ever = p.strike+1+s.rnd.IntN(3), s.now, p.ever || p.proven
	case 6, 7:
		p.reading, p.reported = []Reading{NoData, Inconclusive, Holding, Holding}[s.rnd.IntN(4)], s.now
	case 8:
		p.ready, w.changes = s.chance(70), w.changes+1
	case 9, 10, 11:
		s.replace(w)
		for _, p := range w.pods {
			p.ready = true // which takes nothing away
		}
	case 12:
		if s.chance(15) {
			s.person(w, p)
		}
	case 13:
		w.unknown = s.chance(5)
	case 14:
		s.remove(w, p) // a roll-out
		w.changes++
		s.replace(w)
	case 15:
		s.operators[s.rnd.IntN(2)].skew = time.Duration(s.rnd.NormFloat64() * float64(25*time.Second))
		if s.chance(10) {
			s.operators[s.rnd.IntN(2)].skew = time.Duration(s.rnd.IntN(241)-120) * time.Minute
		}
	}
}

// pass lets time go by, in which most pods report again.
func (s *sim) pass() {
	s.now = s.now.Add(time.Duration(s.rnd.IntN(30)) * time.Second)
	for _, w := range s.workloads {
		for _, p := range w.pods {
			if p.reading == Violated && s.chance(80) {
				p.reported, p.strike = s.now, p.strike+1
			}
		}
	}
}

// person is what a human does, and what wins.
func (s *sim) person(w *simWorkload, p *simPod) {
	p.version++
	switch s.rnd.IntN(8) {
	case 0, 1:
		p.restore, p.touch = true, true
	case 2:
		if p.mark != "" {
			s.undone(p)
			p.mark, p.touch = "", true
		}
	case 3, 4:
		s.remove(w, p)
		w.changes++
	case 5:
		w.handsOff, w.changes = s.chance(10), w.changes+1
	}
}

func (s *sim) remove(w *simWorkload, p *simPod) {
	s.undone(p)
	p.gone = true
	for i := range w.pods {
		if w.pods[i] == p {
			w.pods = append(w.pods[:i:i], w.pods[i+1:]...)
			return
		}
	}
}

func (s *sim) undone(p *simPod) {
	for i := range s.effects {
		if s.effects[i].pod == p && s.effects[i].undone.IsZero() {
			s.effects[i].undone = s.now
		}
	}
}

func (s *sim) wrong(format string, args ...any) {
	if len(s.broken) < 5 {
		s.broken = append(s.broken, fmt.Sprintf(format, args...))
	}
}

// took is the oracle: it is told of each effect on a pod that stands now, and the state that the operator had read.
func (s *sim) took(w *simWorkload, p *simPod, changesAtRead int, restart bool) {
	hour, day, cluster, ns, own := 1, 1, 1, 1, 1
	for _, e := range s.effects {
		if s.now.Sub(e.at) <= time.Hour {
			hour++
		}
		if s.now.Sub(e.at) <= 24*time.Hour {
			day++
		}
		if e.undone.IsZero() {
			cluster++
			if e.workload.ns == w.ns {
				ns++
			}
			if e.workload == w {
				own++
			}
		}
	}
	for _, l := range []struct {
		words     string
		got, most int
	}{{"a day", day, s.limits.PerDay}, {"an hour", hour, s.limits.PerHour}, {"cluster", cluster, s.limits.Cluster}, {"namespace", ns, s.limits.Namespace}, {"workload", own, s.limits.Workload}} {
		if l.got > l.most {
			s.wrong("%v: %d of %d: %s", s.now, l.got, l.most, l.words)
		}
	}
	ready := w.state(p).Ready // the pod is marked or gone by now
	if least := (w.wanted*s.limits.MinAvailablePercent + 99) / 100; ready < max(1, least) && w.changes == changesAtRead {
		s.wrong("%v: %s has %d ready of %d", s.now, w.name, ready, w.wanted)
	}
	if w.pdb >= 0 && ready < w.pdb && w.changes == changesAtRead {
		s.wrong("%v: %s has %d ready, its budget keeps %d", s.now, w.name, ready, w.pdb)
	}
	if !p.ever || p.touch || !s.limits.Act {
		s.wrong("%v: pod %s: violated and proven %v, touched by a person %v, policy acts %v", s.now, p.uid, p.ever, p.touch, s.limits.Act)
	}
	e := simEffect{at: s.now, workload: w, pod: p}
	if restart {
		e.undone = s.now
	}
	s.effects = append(s.effects, e)
	if len(s.effects) > 4096 {
		s.effects = append(s.effects[:0:0], s.effects[2048:]...)
	}
}
