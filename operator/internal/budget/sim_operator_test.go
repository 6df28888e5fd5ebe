package budget

import (
	"fmt"
	"time"
)

// simOperator goes through the calls that the real one makes, one a step, and may be killed between any two.
type simOperator struct {
	sim     *sim
	at      int
	skew    time.Duration
	ledger  Ledger
	version int
	asks    []Ask
	entry   Entry // the one at hand
	step    Step
	why     string
	seen    Seen
	podAt   int // version of the pod that was read
	changes int
	violate map[string][2]int // by contract: violating, watched
}

// server is the API server's clock, which is a little off.
func (o *simOperator) server() time.Time {
	return o.sim.now.Add(time.Duration(o.sim.rnd.IntN(41)-20) * time.Second)
}

// run makes the next call.
func (o *simOperator) run() {
	s := o.sim
	if s.chance(1) {
		s.kills++
		o.at = 0
		return
	}
	lost := s.chance(2) // the call does not arrive
	mute := s.chance(2) // it does, and its answer does not
	next := (o.at + 1) % 7
	switch o.at {
	case 0, 4: // read the ledger
		if !lost {
			o.ledger, o.version = s.ledger.Clone(), s.version
		}
		if o.at == 4 {
			o.note()
		}
	case 1: // read the world
		o.readWorld()
	case 2: // decide and write
		if !o.decide(lost) {
			next = 0
		}
	case 3: // read the object of an entry, and take its next step
		if o.pick(); o.entry.ID == "" || lost {
			next = 0
		} else {
			o.look()
		}
	case 5: // write what came of it
		if !lost {
			o.write(o.ledger)
		}
		next = 0
	}
	if o.at == 3 && o.entry.ID != "" && !lost {
		// Between looking and doing others have their turns.
		next = 6
	}
	if o.at == 6 {
		if !lost {
			o.do()
		}
		next = 4
		if mute || lost {
			next = 0
		}
	}
	if (lost || mute) && o.at != 3 && o.at != 6 {
		next = 0
	}
	o.at = next
}

func (o *simOperator) readWorld() {
	o.asks, o.violate = o.asks[:0], map[string][2]int{}
	for _, w := range o.sim.workloads {
		for _, p := range w.pods {
			if p.mark != "" {
				continue
			}
			n := o.violate[w.ns]
			n[1]++
			if p.reading == Violated {
				n[0]++
			}
			o.violate[w.ns] = n
			o.asks = append(o.asks, Ask{Incident: p.incident, Contract: w.ns, Reading: p.reading, Value: 1, Strike: p.strike,
				Target: Target{w.ns, w.name, p.uid, p.uid}, Proven: p.proven, Reported: p.reported, Accepted: true, Enforce: true, Workload: w.state(p)})
		}
	}
}

// decide reports whether the ledger was written: what was not must not be acted upon.
func (o *simOperator) decide(lost bool) (written bool) {
	s, server := o.sim, o.server()
	local := s.now.Add(o.skew)
	if s.noClock {
		server = local
	}
	o.ledger.Prune(server)
	storm := map[string]bool{}
	for contract, n := range o.violate {
		o.ledger.Observe(s.given, contract, n[0], n[1], server)
		storm[contract] = n[0] >= 2 && n[0]*100 > s.limits.StormPercent*n[1]
	}
	if len(o.asks) > 0 {
		from := s.rnd.IntN(len(o.asks))
		for i := range min(8, len(o.asks)) {
			ask := o.asks[(from+i)%len(o.asks)]
			v := Decide(s.given, &o.ledger, ask, local, server)
			s.reasons[v.Reason]++
			if v.Entry == nil {
				continue
			}
			if storm[ask.Contract] || ask.Reading != Violated || o.skew.Abs() > ClockTolerance+20*time.Second && !s.noClock {
				s.wrong("granted in a storm %v, for %s, with a clock off by %v", storm[ask.Contract], ask.Reading, o.skew)
			}
			o.ledger.Enter(*v.Entry)
			break
		}
	}
	return !lost && o.write(o.ledger)
}

// write is on condition that nobody has written since.
func (o *simOperator) write(l Ledger) (written bool) {
	s := o.sim
	if o.version != s.version && !s.noCAS {
		return false
	}
	s.ledger = l.Clone()
	s.version++
	o.version = s.version
	return true
}

func (o *simOperator) pick() {
	o.entry = Entry{}
	if n := len(o.ledger.Entries); n > 0 {
		from := o.sim.rnd.IntN(n)
		for i := range n {
			if e := o.ledger.Entries[(from+i)%n]; e.Phase != Ended {
				o.entry = e
				return
			}
		}
	}
}

func (o *simOperator) find() (*simWorkload, *simPod) {
	for _, w := range o.sim.workloads {
		for _, p := range w.pods {
			if p.uid == o.entry.Target.UID {
				return w, p
			}
		}
	}
	return nil, nil
}

func (o *simOperator) look() {
	o.seen = Seen{Pending: o.ledger.Pending(o.entry)}
	if w, p := o.find(); p != nil {
		o.seen.Bore = p.bore
		o.seen.Found, o.seen.Marked, o.seen.Fenced, o.seen.ByPerson, o.seen.Restore = true, p.mark, p.fenced, p.byPerson, p.restore
		o.seen.Healthy, o.seen.Workload = p.reading != Violated, w.state(p)
		o.podAt, o.changes = p.version, w.changes
	}
	o.step, o.why = Next(o.sim.given, o.entry, o.seen, o.server())
}

// do makes the call of the step, on condition that the pod is still what was read.
func (o *simOperator) do() {
	s := o.sim
	s.steps[o.step]++
	w, p := o.find()
	if p == nil || p.version != o.podAt {
		if o.step == Apply || o.step == Undo || o.step == Fence || o.step == Delete {
			o.step = Wait
		}
		return
	}
	switch o.step {
	case Apply:
		p.version++
		if o.entry.Action == Restart {
			s.remove(w, p)
		} else {
			p.mark, p.bore = o.entry.ID, o.entry.ID
		}
		s.took(w, p, o.changes, o.entry.Action == Restart)
	case Fence:
		if !s.noFence {
			p.version++
			p.fenced = o.entry.ID
		} else {
			o.step = End
		}
	case Undo:
		p.version++
		s.undone(p)
		p.mark, p.fenced, p.byPerson = "", o.entry.ID, p.restore
	case Delete:
		s.remove(w, p)
	}
}

func (o *simOperator) note() {
	if e := o.ledger.Find(o.entry.ID); e != nil && e.Phase == o.entry.Phase {
		now := o.server()
		e.Note(o.step, o.why, o.seen, now)
		o.ledger.See(now)
	}
}

func (s *sim) run(steps int) error {
	for range steps {
		if s.chance(30) {
			s.happen()
		} else {
			// One of them has several turns in a row, while the other stands still as a process does that gets no CPU: what it
			// goes on to do then rests on what it read long ago.
			if s.chance(10) {
				s.turn = 1 - s.turn
			}
			s.operators[s.turn].run()
		}
		if len(s.broken) > 0 {
			return fmt.Errorf("%v", s.broken)
		}
	}
	return nil
}
