package lockorder

import (
	"go/token"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// deed is what a function does that matters to who calls it with a lock held: it takes a lock itself, or calls what others
// have registered.
type deed struct {
	lock  locks.Place // that it takes, unless it calls
	mode  locks.Mode
	calls *ssa.FieldAddr // the field with the registered function
	owner locks.Place    // the value that the field is in
	pos   token.Pos
	via   []*ssa.Function // the functions in between, outermost first
	freed []locks.Place   // locks of the caller that are released meanwhile
}

// same tells whether two deeds come to the same for a caller.
func (d deed) same(e deed) bool {
	return d.lock == e.lock && d.mode == e.mode && d.owner == e.owner && (d.calls == nil) == (e.calls == nil) &&
		(d.calls == nil || locks.FieldOf(d.calls) == locks.FieldOf(e.calls))
}

// deeds knows what the functions of a package do with locks, and what their callees do.
type deeds struct {
	walker *locks.Walker
	known  map[*ssa.Function][]deed
}

func newDeeds() *deeds {
	return &deeds{walker: locks.NewWalker(), known: make(map[*ssa.Function][]deed)}
}

// deepest is how many functions may lie between who holds a lock and what is done under it: what is farther away, a reader
// of the report cannot check.
const deepest = 4

// of returns what f does by itself and by calling others of the package, in its own places.
func (ds *deeds) of(f *ssa.Function) []deed {
	if known, ok := ds.known[f]; ok {
		return known
	}
	ds.known[f] = nil // a recursion adds nothing
	handed := ds.walker.Handed(f)
	var out []deed
	add := func(d deed) {
		if !slices.ContainsFunc(out, d.same) {
			out = append(out, d)
		}
	}
	ds.walker.Walk(f, func(in ssa.Instruction, s locks.State) {
		c, ok := in.(ssa.CallInstruction)
		if _, started := in.(*ssa.Go); !ok || started {
			return
		}
		var freed []locks.Place
		for _, h := range handed {
			if !s.MayHold(h.Lock) {
				freed = append(freed, h.Lock)
			}
		}
		for _, d := range ds.at(c) {
			d.freed = append(slices.Clone(d.freed), freed...)
			add(d)
		}
	})
	ds.known[f] = out
	return out
}

// at returns what the call c does, in the places of the function that it stands in.
func (ds *deeds) at(c ssa.CallInstruction) []deed {
	switch op := locks.OpOf(c); op.Action {
	case locks.Take:
		return []deed{{lock: op.Lock, mode: op.Mode, pos: c.Pos()}}
	case locks.Try, locks.Release:
		return nil
	}
	callee := locks.Callee(c)
	if callee == nil {
		if field := registeredField(c.Common().Value, 6); field != nil && !c.Common().IsInvoke() {
			return []deed{{calls: field, owner: locks.PlaceOf(field.X), pos: c.Pos()}}
		}
		return nil
	}
	var out []deed
	for _, d := range ds.of(callee) {
		if len(d.via) < deepest {
			if t, ok := d.translated(callee, c); ok {
				out = append(out, t)
			}
		}
	}
	return out
}

// translated returns the deed of callee as the caller of c names it; false if the caller cannot.
func (d deed) translated(callee *ssa.Function, c ssa.CallInstruction) (deed, bool) {
	var ok bool
	if d.calls != nil {
		d.owner, ok = locks.Translate(d.owner, callee, c)
	} else {
		d.lock, ok = locks.Translate(d.lock, callee, c)
	}
	var freed []locks.Place
	for _, p := range d.freed {
		if q, ok := locks.Translate(p, callee, c); ok {
			freed = append(freed, q)
		}
	}
	d.freed = freed
	d.via = append([]*ssa.Function{callee}, d.via...)
	return d, ok
}

// through says by which functions a deed is done, if it is not done in the function itself.
func (d deed) through() string {
	if len(d.via) == 0 {
		return ""
	}
	text := " through "
	for i, f := range d.via {
		if i > 0 {
			text += " and "
		}
		text += f.Name()
	}
	return text
}
