package lockset

import (
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// mixed reports plain accesses of a variable that is accessed atomically elsewhere. A plain read under a lock is fine if every
// atomic write holds that lock too: the atomics are for readers without it.
func (p *collector) mixed(v *types.Var, plain, atomics, all []access) {
	once := !slices.ContainsFunc(atomics, func(a access) bool { return a.write && !a.first })
	copied := copiedFrom(v, all)
	for _, x := range plain {
		if p.excused(x) || p.hasToken(x) || !x.write && (once || copied && ofCopy(x, atomics) || p.lockedAtTimes(x, atomics) || p.byOwner(x, atomics)) {
			continue
		}
		with := atomics[0]
		if lock := p.guard(v, x); lock != "" {
			i := slices.IndexFunc(atomics, func(a access) bool {
				return (a.write || x.write) && p.guard(v, a) == "" && !p.loose(a.fn) && !p.excused(a)
			})
			if i < 0 || p.loose(x.fn) {
				continue
			}
			with = atomics[i]
		} else if len(p.held(x)) > 0 || len(x.held.May) > 0 {
			continue // under another lock: a pattern of its own
		}
		p.mixes[x.fn] = append(p.mixes[x.fn], mix{v, x, with})
	}
}

// mix is a plain access beside an atomic one.
type mix struct {
	v      *types.Var
	plain  access
	atomic access
}

// reportMixes reports what a function reads or writes plainly beside atomics: a method that prints a dozen counters is one mistake.
func (p *collector) reportMixes(fns []*ssa.Function) {
	for _, f := range fns {
		var names []string
		var d analysis.Diagnostic
		for _, m := range p.mixes[f] {
			if !d.Pos.IsValid() || m.plain.pos < d.Pos {
				d.Pos = m.plain.pos
			}
			if slices.Contains(names, m.v.Name()) {
				continue
			}
			names = append(names, m.v.Name())
			what := "read"
			if m.atomic.write {
				what = "write"
			}
			d.Related = append(d.Related, analysis.RelatedInformation{Pos: m.atomic.pos, Message: "an atomic " + what + " in " + m.atomic.fn.Name()})
		}
		are := " is"
		switch {
		case len(names) == 0:
			continue
		case len(names) > 1:
			are = " are"
		}
		d.Message = strings.Join(names, ", ") + are + " accessed by sync/atomic elsewhere: a plain access beside it is a data race; use an atomic type, which has no plain access"
		p.pass.Report(d)
	}
}

// copiedFrom tells whether v is copied into a new value from what is loaded atomically: then a value of the type may be such a
// copy, which nobody counts in.
func copiedFrom(v *types.Var, all []access) bool {
	return slices.ContainsFunc(all, func(a access) bool {
		s, ok := a.in.(*ssa.Store)
		if !ok || !a.alone {
			return false
		}
		load, ok := s.Val.(*ssa.Call)
		if !ok {
			return false
		}
		f := load.Call.StaticCallee()
		if f == nil || f.Pkg == nil || f.Pkg.Pkg.Path() != "sync/atomic" || !isLoad(f.Name()) {
			return false
		}
		from, ok := load.Call.Args[0].(*ssa.FieldAddr)
		return ok && locks.FieldOf(from) == v
	})
}

// ofCopy tells whether x reads through a field through which nobody counts.
func ofCopy(x access, atomics []access) bool {
	way := lastField(x.base)
	return way != "" && !slices.ContainsFunc(atomics, func(a access) bool { return lastField(a.base) == way })
}

func lastField(p locks.Place) string { return p.Fields[strings.LastIndex(p.Fields, ".")+1:] }

// lockedAtTimes tells whether some caller of the reader x holds a lock, and some caller of each atomic writer too: who calls
// without one, as a constructor does, may well be alone.
func (p *collector) lockedAtTimes(x access, atomics []access) bool {
	return p.someCallerLocks(x.fn, 6) && !slices.ContainsFunc(atomics, func(a access) bool {
		return a.write && len(a.held.May) == 0 && !p.someCallerLocks(a.fn, 6)
	})
}

func (p *collector) someCallerLocks(f *ssa.Function, depth int) bool {
	return depth > 0 && slices.ContainsFunc(p.calls[f], func(s callSite) bool {
		return s.how == direct && (len(s.held) > 0 || p.someCallerLocks(s.fn, depth-1))
	})
}

// byOwner tells whether each function that writes atomically changes another field of the same value plainly and without a lock,
// which the function of the reader x reads plainly too. Whoever does that takes the value for his own, as x does: the atomics are
// for others, who want nothing but the number. An exported function, on either side, does not know whose the value is, and a writer
// that a go statement starts is on another goroutine than x.
func (p *collector) byOwner(x access, atomics []access) bool {
	if exported(x.fn) {
		return false
	}
	some := false
	for _, w := range atomics {
		if !w.write {
			continue
		}
		if exported(w.fn) || p.started(w.fn) || !p.shareField(w, x) {
			return false
		}
		some = true
	}
	return some
}

// shareField tells whether some field is written without a lock where w is, of w's value, and read without one where x is, of x's.
func (p *collector) shareField(w, x access) bool {
	bare := func(a access, of access) bool {
		return !a.atomic && a.fn == of.fn && a.base == of.base && len(p.held(a)) == 0 && len(a.held.May) == 0
	}
	for v, all := range p.uses {
		if v.IsField() && slices.ContainsFunc(all, func(a access) bool { return a.write && bare(a, w) }) &&
			slices.ContainsFunc(all, func(a access) bool { return !a.write && bare(a, x) }) {
			return true
		}
	}
	return false
}
