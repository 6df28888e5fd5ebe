package schedule

import (
	"fmt"
	"slices"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// The offsets of the semaphores within a lock: a goroutine that is blocked on one waits at that offset from the lock's
// address.
const (
	semMutex  = 4  // sync.Mutex.sema; for an RWMutex, its inner Mutex: waits for the other writer
	semWriter = 8  // sync.RWMutex.writerSem: waits for the readers
	semReader = 12 // sync.RWMutex.readerSem: waits for the writer
)

// graph tells who waits for whom, from the points' own records of who holds and who last used what.
type graph struct {
	holders map[uint64][]holder
	last    map[uint64]event // the last operation on an object
	names   map[uint64]int64 // goid by logical id
}

type holder struct {
	g    goroutine
	lock lock
}

func newGraph(t *trace) *graph {
	gr := &graph{holders: map[uint64][]holder{}, last: map[uint64]event{}, names: map[uint64]int64{}}
	for _, g := range t.gs {
		gr.names[g.id] = g.goid
		for i, l := range g.held {
			if !acquiring(g, l) || holds(g.held[i+1:], l.object) {
				gr.holders[l.object] = append(gr.holders[l.object], holder{g, l})
			}
		}
	}
	for _, e := range t.events {
		if e.object != 0 {
			gr.last[e.object] = e
		}
	}
	return gr
}

// holds tells whether a lock is in the list of those that a goroutine holds or is acquiring.
func holds(list []lock, object uint64) bool {
	return slices.ContainsFunc(list, func(l lock) bool { return l.object == object })
}

// acquiring tells whether the goroutine is blocked in the acquisition of a lock in its list. A writer that waits for
// the readers has the lock already as far as everybody else is concerned.
func acquiring(g goroutine, l lock) bool {
	return slices.ContainsFunc(g.waits, func(w uint64) bool {
		return l.kind != point.RLock && w == l.object+semMutex || l.kind == point.RLock && w == l.object+semReader
	})
}

// blockers returns who has to release a lock before g can go on, and none if g waits for something else.
func (gr *graph) blockers(g goroutine) []holder {
	for _, w := range g.waits {
		for _, by := range []struct {
			offset uint64
			kinds  []point.Kind // of the holders that such a semaphore waits for
		}{{semMutex, []point.Kind{point.Lock, point.WLock}}, {semReader, []point.Kind{point.WLock}}, {semWriter, []point.Kind{point.RLock}}} {
			var out []holder
			for _, h := range gr.holders[w-by.offset] {
				if h.g.goid != g.goid && slices.Contains(by.kinds, h.lock.kind) {
					out = append(out, h)
				}
			}
			if len(out) > 0 {
				return out
			}
			if by.offset == semMutex && gr.own(g, w-by.offset) {
				return []holder{{g, lock{object: w - by.offset}}}
			}
		}
	}
	return nil
}

// own tells whether the goroutine has the lock twice in its list: it holds it and tries to acquire it again.
func (gr *graph) own(g goroutine, object uint64) bool {
	i := slices.IndexFunc(g.held, func(l lock) bool { return l.object == object })
	return i >= 0 && holds(g.held[i+1:], object)
}

// cycles returns the circles of goroutines that wait for each other's locks, each once.
func (gr *graph) cycles(gs []goroutine) [][]goroutine {
	var out [][]goroutine
	done := map[int64]bool{}
	for _, start := range gs {
		if done[start.goid] {
			continue
		}
		for _, g := range gr.circle(start, nil) {
			if !done[g.goid] {
				out = append(out, gr.circle(start, nil))
				for _, g := range out[len(out)-1] {
					done[g.goid] = true
				}
				break
			}
		}
	}
	return out
}

// circle follows who waits for whom from the end of path until it comes to a goroutine again.
func (gr *graph) circle(g goroutine, path []goroutine) []goroutine {
	if i := slices.IndexFunc(path, func(p goroutine) bool { return p.goid == g.goid }); i >= 0 {
		return path[i:]
	}
	path = append(path, g)
	for _, h := range gr.blockers(g) {
		if c := gr.circle(h.g, path); c != nil {
			return c
		}
	}
	return nil
}

// describe says what each goroutine waits for, equal sentences once.
func (gr *graph) describe(gs []goroutine) []string {
	var out []string
	for _, g := range gs {
		s := gr.sentence(g)
		if s != "" && !slices.Contains(out, s) && len(out) < 8 {
			out = append(out, s)
		}
	}
	return out
}

func (gr *graph) sentence(g goroutine) string {
	if len(g.waits) == 0 { // for nothing that there is, or it is not known
		return ""
	}
	who := fmt.Sprintf("%s at %s", g.stack.State, shortPlace(sideOf(g.stack)))
	if hs := gr.blockers(g); len(hs) > 0 {
		h := hs[0]
		if h.g.goid == g.goid {
			return who + " waits for a lock that this goroutine itself holds"
		}
		return fmt.Sprintf("%s waits for a lock taken at %s by the goroutine in %s at %s", who,
			place(h.lock.site), h.g.stack.State, shortPlace(sideOf(h.g.stack)))
	}
	used := false // in a place that is not known
	for _, w := range g.waits {
		e, ok := gr.lastUse(w)
		used = used || ok && e.id != g.id
		if !ok || e.id == g.id || place(e.site) == "?" {
			continue
		}
		gone := "which has ended"
		if _, alive := gr.names[e.id]; alive {
			gone = "which is alive"
		}
		return fmt.Sprintf("%s waits for what another goroutine, %s, last used by %s at %s", who, gone,
			e.kind, place(e.site))
	}
	if used {
		return ""
	}
	return who + " waits for something that no other goroutine has used"
}

// lastUse returns the last operation on what a goroutine waits on: a channel, or what the semaphore belongs to.
func (gr *graph) lastUse(w uint64) (event, bool) {
	for _, offset := range []uint64{0, semWriter, semMutex, semReader} {
		if e, ok := gr.last[w-offset]; ok {
			return e, true
		}
	}
	return event{}, false
}

func shortPlace(s Side) string {
	if len(s.Frames) == 0 {
		return "?"
	}
	return place(s.Frames[0])
}

func place(f Frame) string {
	if f.File == "" || f.File == "?" {
		return "?"
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}
