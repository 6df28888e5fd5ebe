package lockorder

import (
	"fmt"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/locks"
	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
)

// forgotten reports locks that a function takes and releases before one return, and still holds at another, and those for
// which it releases another one. It returns where the former are taken.
func forgotten(pass *analysis.Pass) map[token.Pos]bool {
	k := &keeper{pass: pass, walker: locks.NewWalker(), releasers: make(map[string][]*ssa.Function), kept: make(map[token.Pos]bool)}
	var fns []*ssa.Function
	for _, f := range ir.Functions(ssabuild.Of(pass).SrcFuncs) {
		if !strings.HasSuffix(pass.Fset.Position(f.Pos()).Filename, "_test.go") {
			fns = append(fns, f)
		}
	}
	for _, f := range fns {
		for _, path := range k.walker.Gone(f) {
			class, _ := locks.Class(f, path)
			k.releasers[class] = append(k.releasers[class], f)
		}
	}
	for _, f := range fns {
		if !acquires(f) {
			k.function(f)
		}
		wrong(pass, f)
	}
	return k.kept
}

// keeper looks for the locks that the functions of one package keep.
type keeper struct {
	pass      *analysis.Pass
	walker    *locks.Walker
	releasers map[string][]*ssa.Function // by class of lock: functions that release one that they have not taken
	kept      map[token.Pos]bool         // where locks are taken that are forgotten
}

// lockUses is what a function does with locks, by their paths.
type lockUses struct {
	takes, releases map[string][]ssa.Instruction
	returns         []*ssa.Return
	held            map[*ssa.Return][]string
}

func (k *keeper) function(f *ssa.Function) {
	u := k.uses(f)
	if u == nil {
		return
	}
	for path := range u.releases {
		if len(u.takes[path]) == 0 {
			return // handed over from somewhere: the locks of this function follow a plan that we do not see
		}
	}
	for _, path := range slices.Sorted(maps.Keys(u.takes)) {
		if len(u.releases[path]) > 0 {
			k.judge(f, path, u.takes[path], u)
		}
	}
}

// uses collects what f does with locks, nil if it also hands a release to somebody else.
func (k *keeper) uses(f *ssa.Function) *lockUses {
	u := &lockUses{takes: make(map[string][]ssa.Instruction), releases: make(map[string][]ssa.Instruction),
		held: make(map[*ssa.Return][]string)}
	elsewhere := false
	k.walker.Walk(f, func(in ssa.Instruction, held []string) {
		switch in := in.(type) {
		case *ssa.Return:
			u.returns = append(u.returns, in)
			u.held[in] = held
		case *ssa.MakeClosure:
			elsewhere = elsewhere || k.unlocks(in.Fn.(*ssa.Function))
		case ssa.CallInstruction:
			elsewhere = elsewhere || !u.call(k, in)
		}
	})
	if elsewhere || len(u.takes) == 0 {
		return nil
	}
	return u
}

// call adds what c does with locks. It returns false if who releases a lock there, or when, is not known.
func (u *lockUses) call(k *keeper, c ssa.CallInstruction) bool {
	lock, unlock, _ := locks.Call(c)
	taken, gone := k.walker.Effect(c)
	if lock != "" {
		taken = append(taken, lock)
	}
	if unlock != "" {
		gone = append(gone, unlock)
	}
	if _, ok := c.(*ssa.Call); ok {
		for _, path := range taken {
			u.takes[path] = append(u.takes[path], c)
		}
	}
	for _, path := range gone {
		u.releases[path] = append(u.releases[path], c)
	}
	if _, ok := c.(*ssa.Go); ok && len(gone) > 0 {
		return false
	}
	if m := c.Common().Method; m != nil && strings.HasSuffix(m.Name(), "Unlock") {
		return false
	}
	callee := c.Common().StaticCallee()
	return callee == nil || callee.Parent() == nil || !k.unlocks(callee)
}

// unlocks tells whether the literal or method value f, or a literal in it, releases a lock.
func (k *keeper) unlocks(f *ssa.Function) bool {
	if obj, ok := f.Object().(*types.Func); ok && f.Synthetic != "" {
		method := f.Prog.FuncValue(obj.Origin())
		return strings.HasSuffix(obj.Name(), "nlock") || method != nil && len(k.walker.Gone(method)) > 0
	}
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			c, ok := in.(ssa.CallInstruction)
			if !ok {
				continue
			}
			_, unlock, _ := locks.Call(c)
			_, gone := k.walker.Effect(c)
			if m := c.Common().Method; unlock != "" || len(gone) > 0 || m != nil && strings.HasSuffix(m.Name(), "nlock") {
				return true
			}
		}
	}
	return slices.ContainsFunc(f.AnonFuncs, k.unlocks)
}

// judge reports the returns of f that keep the lock at path, unless that is what f is for.
func (k *keeper) judge(f *ssa.Function, path string, takes []ssa.Instruction, u *lockUses) {
	var keep, free []*ssa.Return
	for _, r := range u.returns {
		deferred := slices.ContainsFunc(u.releases[path], func(in ssa.Instruction) bool {
			_, ok := in.(*ssa.Defer)
			return ok && reaches(in.Block(), r.Block())
		})
		switch {
		case ends(r.Block()) || !slices.ContainsFunc(takes, func(in ssa.Instruction) bool { return reaches(in.Block(), r.Block()) }):
		case slices.Contains(u.held[r], path) && !deferred:
			keep = append(keep, r)
		default:
			free = append(free, r)
		}
	}
	if len(keep) == 0 || len(free) == 0 || !k.byMistake(f, path, keep, free) {
		return
	}
	for _, take := range takes {
		k.kept[take.Pos()] = true
	}
	for _, r := range keep {
		k.report(f, path, takes[0].Pos(), r)
	}
}

// byMistake tells whether the caller of f is not meant to have the lock after the returns in keep. It is meant to if f
// succeeds with the lock and fails without, or if some other function releases what it has not taken; but no caller can
// want to have it only where f fails.
func (k *keeper) byMistake(f *ssa.Function, path string, keep, free []*ssa.Return) bool {
	kept, freed := outcomes(keep), outcomes(free)
	if !slices.Contains(kept, failure) && !slices.Contains(freed, success) && !slices.Contains(kept, none) {
		return false
	}
	if returnsError(f) && slices.Contains(kept, failure) && slices.Contains(freed, success) {
		return true
	}
	class, _ := locks.Class(f, path)
	return class != "" && !slices.ContainsFunc(k.releasers[class], func(g *ssa.Function) bool { return g != f })
}

func (k *keeper) report(f *ssa.Function, path string, taken token.Pos, r *ssa.Return) {
	pos := r.Pos()
	if !pos.IsValid() {
		pos = taken
	}
	name := strings.TrimPrefix(path, "@")
	at := k.pass.Fset.Position(taken)
	k.pass.Report(analysis.Diagnostic{Pos: pos,
		Message: fmt.Sprintf("%s returns here with %s locked, which it took on line %d and releases on other paths: whoever locks it next waits forever; "+
			"unlock it here too, or by defer", f.Name(), name, at.Line),
		Related: []analysis.RelatedInformation{{Pos: taken, Message: name + " is locked here"}}})
}

// reaches tells whether b can come after a, or is the same.
func reaches(a, b *ssa.BasicBlock) bool {
	seen := map[*ssa.BasicBlock]bool{a: true}
	for work := []*ssa.BasicBlock{a}; len(work) > 0; work = work[1:] {
		for _, s := range work[0].Succs {
			if !seen[s] {
				seen[s] = true
				work = append(work, s)
			}
		}
	}
	return seen[b]
}

// ends tells whether the program, the goroutine or the test ends in b: what is locked then does not matter.
func ends(b *ssa.BasicBlock) bool {
	return slices.ContainsFunc(b.Instrs, func(in ssa.Instruction) bool {
		c, ok := in.(*ssa.Call)
		if !ok {
			return false
		}
		name := ""
		if c.Call.IsInvoke() {
			name = c.Call.Method.Name()
		} else if f := c.Call.StaticCallee(); f != nil {
			name = f.Name()
		}
		name = strings.ToLower(name)
		return slices.ContainsFunc([]string{"fatal", "exit", "panic", "throw", "failnow", "die", "skip"}, func(end string) bool {
			return strings.Contains(name, end)
		})
	})
}
