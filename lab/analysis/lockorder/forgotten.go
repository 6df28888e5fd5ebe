package lockorder

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
)

// forgotten reports locks that a function takes and releases before one return, and still holds at another, those that stay
// locked where a request's panic is recovered, and those for which it releases another one. It returns where the first are
// taken.
func forgotten(pass *analysis.Pass) map[token.Pos]bool {
	k := &keeper{pass: pass, walker: locks.NewWalker(), releasers: make(map[locks.Class][]*ssa.Function), kept: make(map[token.Pos]bool)}
	fns := ssabuild.Functions(pass)
	for _, f := range fns {
		if f.Parent() != nil {
			continue // a literal releases what the function around it has taken
		}
		for _, h := range k.walker.Handed(f) {
			k.releasers[h.Lock.Kind()] = append(k.releasers[h.Lock.Kind()], f)
		}
	}
	for _, f := range fns {
		k.function(f)
		wrong(pass, f)
	}
	k.panics(fns)
	return k.kept
}

// keeper looks for the locks that the functions of one package keep.
type keeper struct {
	pass      *analysis.Pass
	walker    *locks.Walker
	releasers map[locks.Class][]*ssa.Function // functions that release one that they have not taken
	kept      map[token.Pos]bool              // where locks are taken that are forgotten
}

// fate is what becomes of one lock that a function takes.
type fate struct {
	lock       locks.Place
	takes      []ssa.CallInstruction
	keep, free []*ssa.Return // where it may still be held, and where it may be released; both may be the same one
}

func (k *keeper) function(f *ssa.Function) {
	var fates []*fate
	of := func(p locks.Place) *fate {
		for _, x := range fates {
			if x.lock == p {
				return x
			}
		}
		fates = append(fates, &fate{lock: p})
		return fates[len(fates)-1]
	}
	for _, e := range k.walker.Exits(f) {
		ret := e.At.(*ssa.Return)
		for _, h := range e.Held {
			x := of(h.Lock)
			x.keep = with(x.keep, ret)
			x.takes = with(x.takes, h.Taken)
		}
		for _, p := range e.Freed {
			if !slices.ContainsFunc(e.Held, func(h locks.Held) bool { return h.Lock == p }) {
				x := of(p)
				x.free = with(x.free, ret)
			}
		}
	}
	for _, x := range fates {
		if len(x.keep) > 0 && len(x.free) > 0 && !k.elsewhere(f, x.lock) {
			k.judge(f, x)
		}
	}
}

func with[T comparable](list []T, x T) []T {
	if slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}

// elsewhere tells whether who releases the lock, or when, is not known: f hands the release to somebody, or releases a lock
// that it has not taken and which may be this one under another name.
func (k *keeper) elsewhere(f *ssa.Function, lock locks.Place) bool {
	for _, h := range k.walker.Handed(f) {
		if class := h.Lock.Kind(); class == (locks.Class{}) || class == lock.Kind() {
			return true
		}
	}
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.MakeClosure:
				if !calledHere(in) && k.gives(in, lock) {
					return true
				}
			case ssa.CallInstruction:
				if k.hands(in, lock) {
					return true
				}
			}
		}
	}
	return false
}

// calledHere tells whether a literal or method value is only called or deferred in the function that makes it: then it is a
// part of that.
func calledHere(c *ssa.MakeClosure) bool {
	for _, r := range *c.Referrers() {
		call, ok := r.(ssa.CallInstruction)
		if _, started := r.(*ssa.Go); !ok || started || call.Common().Value != c {
			return false
		}
	}
	return true
}

// gives tells whether the literal or method value c releases the lock for whoever calls it.
func (k *keeper) gives(c *ssa.MakeClosure, lock locks.Place) bool {
	f := c.Fn.(*ssa.Function)
	if m, ok := f.Object().(*types.Func); ok && f.Synthetic != "" && len(c.Bindings) == 1 {
		if strings.HasSuffix(m.Name(), "nlock") {
			return locks.PlaceOf(c.Bindings[0]) == lock || m.Pkg() == nil || m.Pkg().Path() != "sync"
		}
		source := locks.Source(f, c.Parent())
		return source != nil && slices.ContainsFunc(k.walker.Gone(source), func(p locks.Place) bool {
			return p.Root == source.Params[0] && p.Kind() == lock.Kind()
		})
	}
	if slices.Contains(k.walker.Gone(f), lock) {
		return true
	}
	for _, literal := range f.AnonFuncs {
		if slices.Contains(k.walker.Gone(literal), lock) {
			return true
		}
	}
	return false
}

// hands tells whether the call may leave it to others to release the lock: to a goroutine that it starts, to a lock of
// another kind, or to a function that is not known and is given the lock.
func (k *keeper) hands(c ssa.CallInstruction, lock locks.Place) bool {
	if _, started := c.(*ssa.Go); started {
		_, gone := k.walker.Effect(c)
		return slices.Contains(gone, lock)
	}
	op := locks.OpOf(c)
	if op.Action != locks.None || locks.Callee(c) != nil {
		return false
	}
	if m := c.Common().Method; m != nil && strings.HasSuffix(m.Name(), "Unlock") {
		return true
	}
	return slices.ContainsFunc(c.Common().Args, func(a ssa.Value) bool { return locks.PlaceOf(a) == lock })
}

// judge reports the returns of f that keep the lock, unless that is what f is for.
func (k *keeper) judge(f *ssa.Function, x *fate) {
	var always, sometimes []*ssa.Return
	for _, r := range x.keep {
		if slices.Contains(x.free, r) {
			sometimes = append(sometimes, r)
		} else {
			always = append(always, r)
		}
	}
	if len(always) > 0 && k.byMistake(f, x.lock, always, x.free) {
		for _, r := range always {
			k.report(f, x, r)
		}
	}
	for _, r := range sometimes {
		if branch := k.decides(f, x, r); branch != nil && outcomeOf(r) != unclear && k.byMistake(f, x.lock, []*ssa.Return{r}, x.free) {
			k.reportBranch(f, x, r, branch)
		}
	}
}

// told notes that what is stuck because of this lock needs no second report.
func (k *keeper) told(x *fate) {
	for _, t := range x.takes {
		k.kept[t.Pos()] = true
	}
}

// byMistake tells whether the caller of f is not meant to have the lock after the returns in keep. It is meant to if f
// succeeds with the lock and fails without, or if some other function releases what it has not taken; but no caller can
// want to have it only where f fails.
func (k *keeper) byMistake(f *ssa.Function, lock locks.Place, keep, free []*ssa.Return) bool {
	kept, freed := outcomes(keep), outcomes(free)
	if returnsFunc(f) || !slices.Contains(kept, failure) && !slices.Contains(freed, success) && !slices.Contains(kept, none) {
		return false
	}
	if returnsError(f) && slices.Contains(kept, failure) && slices.Contains(freed, success) {
		return true
	}
	class := lock.Kind()
	if class == (locks.Class{}) || slices.ContainsFunc(k.releasers[class], func(g *ssa.Function) bool { return g != f }) {
		return false
	}
	return !forOthers(lock)
}

// forOthers tells whether code of other packages can release the lock: its field is exported.
func forOthers(lock locks.Place) bool {
	name := lock.Kind().Field()
	if lock.Global() && lock.Fields == "" {
		return false // who exports a variable has it locked by others from beginning to end
	}
	return token.IsExported(name) && name != "Mutex" && name != "RWMutex"
}

func returnsFunc(f *ssa.Function) bool {
	for r := range f.Signature.Results().Variables() {
		if _, ok := r.Type().Underlying().(*types.Signature); ok {
			return true
		}
	}
	return false
}

func (k *keeper) report(f *ssa.Function, x *fate, r *ssa.Return) {
	k.told(x)
	taken := x.takes[0].Pos()
	pos := r.Pos()
	if !pos.IsValid() {
		pos = taken
	}
	k.pass.Report(analysis.Diagnostic{Pos: pos,
		Message: fmt.Sprintf("%s returns here with %s locked, which it took on line %d and releases on other paths: whoever locks it next waits forever; "+
			"unlock it here too, or by defer", f.Name(), x.lock, k.pass.Fset.Position(taken).Line),
		Related: []analysis.RelatedInformation{{Pos: taken, Message: x.lock.String() + " is locked here"}}})
}

func (k *keeper) reportBranch(f *ssa.Function, x *fate, r *ssa.Return, branch *ast.IfStmt) {
	k.told(x)
	taken := x.takes[0].Pos()
	at := k.pass.Fset.Position(taken)
	d := analysis.Diagnostic{Pos: branch.Cond.Pos(),
		Message: fmt.Sprintf("%s, locked on line %d, is unlocked only where %q holds: where it does not, %s returns with it locked, and whoever locks it next waits forever; "+
			"unlock it there too, or by defer", x.lock, at.Line, types.ExprString(branch.Cond), f.Name()),
		Related: []analysis.RelatedInformation{{Pos: taken, Message: x.lock.String() + " is locked here"}}}
	if r.Pos().IsValid() {
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: r.Pos(), Message: "the function returns here"})
	}
	k.pass.Report(d)
}

// decides returns the if statement that decides whether the lock is held at r: the one around the release. It is nil where the
// lock may have been taken under the same condition in other words: then it is not known that there is a way from the one to
// the other.
func (k *keeper) decides(f *ssa.Function, x *fate, r *ssa.Return) *ast.IfStmt {
	releases := k.releasesIn(f, x.lock)
	if len(x.takes) != 1 || len(releases) != 1 || f.Syntax() == nil {
		return nil
	}
	take, release := enclosing(f.Syntax(), x.takes[0].Pos()), enclosing(f.Syntax(), releases[0].Pos())
	if release == nil || release.Else != nil || release.Init != nil || usesFieldOrCall(k.pass, release.Cond) {
		return nil
	}
	if take == nil {
		if !x.takes[0].Block().Dominates(r.Block()) {
			return nil
		}
		return release
	}
	if !conjunct(release.Cond, types.ExprString(take.Cond)) {
		return nil
	}
	return release
}

// releasesIn returns the calls in f that release the lock.
func (k *keeper) releasesIn(f *ssa.Function, lock locks.Place) (out []ssa.CallInstruction) {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			c, ok := in.(ssa.CallInstruction)
			if !ok {
				continue
			}
			_, gone := k.walker.Effect(c)
			if op := locks.OpOf(c); op.Action == locks.Release && op.Lock == lock || slices.Contains(gone, lock) {
				out = append(out, c)
			}
		}
	}
	return out
}

// enclosing returns the innermost if statement in whose body pos lies.
func enclosing(f ast.Node, pos token.Pos) (found *ast.IfStmt) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.IfStmt); ok && s.Body.Pos() <= pos && pos < s.Body.End() {
			found = s
		}
		return true
	})
	return found
}

// conjunct tells whether e is an && of conditions, one of which reads so.
func conjunct(e ast.Expr, text string) bool {
	if types.ExprString(e) == text {
		return true
	}
	b, ok := ast.Unparen(e).(*ast.BinaryExpr)
	return ok && b.Op == token.LAND && (conjunct(b.X, text) || conjunct(b.Y, text))
}

// usesFieldOrCall tells whether the condition depends on more than local variables: what a call finds out, or others keep in a
// field, may well be in step with the lock.
func usesFieldOrCall(pass *analysis.Pass, e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			found = true
		case *ast.SelectorExpr:
			_, field := pass.TypesInfo.Selections[n]
			found = found || field
		}
		return !found
	})
	return found
}
