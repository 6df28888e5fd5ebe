// Package locks follows the locks that a function holds, for lockset and lockorder.
package locks

import (
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// Call returns the path of the lock that c takes or releases, and whether it is for reading.
func Call(c ssa.CallInstruction) (lock, unlock string, read bool) {
	f := c.Common().StaticCallee()
	if f == nil || len(c.Common().Args) == 0 {
		return "", "", false
	}
	switch f.RelString(nil) {
	case "(*sync.Mutex).Lock", "(*sync.RWMutex).Lock":
		return Path(c.Common().Args[0]), "", false
	case "(*sync.RWMutex).RLock":
		return Path(c.Common().Args[0]), "", true
	case "(*sync.Mutex).Unlock", "(*sync.RWMutex).Unlock":
		return "", Path(c.Common().Args[0]), false
	case "(*sync.RWMutex).RUnlock":
		return "", Path(c.Common().Args[0]), true
	}
	return "", "", false
}

// Walker follows the locks through the functions of a package. It remembers what it learns about each, and is not safe
// for concurrent use.
type Walker struct {
	known map[*ssa.Function]*release
	busy  map[*ssa.Function]bool
}

// NewWalker returns a Walker that knows nothing yet.
func NewWalker() *Walker {
	return &Walker{known: make(map[*ssa.Function]*release), busy: make(map[*ssa.Function]bool)}
}

// exclusive ends the second entry of a lock that is held for writing: "x.mu" says that it is held at all, "x.mu!" that nobody
// else holds it. Where a path with Lock meets one with RLock, what is left is the first.
const exclusive = "!"

// Exclusive tells whether the lock at path is held for writing, by what WalkModes says of held locks.
func Exclusive(held []string, path string) bool { return slices.Contains(held, path+exclusive) }

// Plain returns the paths of the locks in held, without what WalkModes adds to them.
func Plain(held []string) []string {
	return slices.DeleteFunc(slices.Clone(held), func(l string) bool { return strings.HasSuffix(l, exclusive) })
}

// entries are what stands in a list of held locks for the one at path.
func entries(path string, read bool) []string {
	if read {
		return []string{path}
	}
	return []string{path + exclusive, path}
}

// release is what a function does with the locks of its caller, as the function itself names them.
type release struct {
	taken  []string // held whenever the function returns, and not at the call
	handed []string // released on some path, so held at the call
	gone   []string // of these, the ones that are no longer held when the function returns
}

// Walk calls visit for each reachable instruction of f with the paths of the locks held after it, on every path that
// leads there. A lock that f releases without having taken it was handed over to f: it is held from the start.
func (w *Walker) Walk(f *ssa.Function, visit func(in ssa.Instruction, held []string)) {
	w.WalkModes(f, func(in ssa.Instruction, held []string) { visit(in, Plain(held)) })
}

// WalkModes is like Walk, for those who want to know whether a lock is held for writing; see Exclusive.
func (w *Walker) WalkModes(f *ssa.Function, visit func(in ssa.Instruction, held []string)) {
	if len(f.Blocks) == 0 {
		return
	}
	in, done := w.flow(f, w.release(f).handed)
	w.each(f, in, done, nil, visit)
}

// Released returns those locks of its caller that c's callee releases, even if it takes them again: the callee does not
// hold them all the time.
func (w *Walker) Released(c *ssa.Call) []string {
	if callee := inPackage(c); callee != nil {
		return Plain(translate(w.release(callee).handed, callee, c))
	}
	return nil
}

// Effect returns the locks that c's callee, a function of the same package, takes for its caller, and those of its caller that
// it releases for good, as the caller names them. The same goes for a callee that is deferred or started by go.
func (w *Walker) Effect(c ssa.CallInstruction) (taken, gone []string) {
	callee := inPackage(c)
	if callee == nil {
		return nil, nil
	}
	r := w.release(callee)
	return Plain(translate(r.taken, callee, c)), Plain(translate(r.gone, callee, c))
}

// Gone returns the locks of its caller that f releases for good, as f names them.
func (w *Walker) Gone(f *ssa.Function) []string { return Plain(w.release(f).gone) }

func inPackage(c ssa.CallInstruction) *ssa.Function {
	f := c.Common().StaticCallee()
	if f == nil || f.Pkg == nil || f.Pkg != c.Parent().Pkg {
		return nil
	}
	return f
}

// translate renames paths of the callee as the caller of c knows them.
func translate(paths []string, callee *ssa.Function, c ssa.CallInstruction) []string {
	var out []string
	for _, p := range paths {
		if strings.HasPrefix(p, "@") {
			out = append(out, p)
			continue
		}
		for i, param := range callee.Params {
			if rest, ok := strings.CutPrefix(p, param.Name()+"."); ok && i < len(c.Common().Args) {
				out = append(out, Path(c.Common().Args[i])+"."+rest)
			}
		}
	}
	return out
}

// release computes what f does with the locks of its caller. A call within a recursion counts for nothing.
func (w *Walker) release(f *ssa.Function) *release {
	if r, ok := w.known[f]; ok {
		return r
	}
	r := new(release)
	if len(f.Blocks) == 0 || w.busy[f] {
		return r
	}
	w.busy[f] = true
	defer delete(w.busy, f)
	handed := make(map[string]bool)
	in, done := w.flow(f, nil)
	w.each(f, in, done, func(in ssa.Instruction, held []string) {
		c, ok := in.(ssa.CallInstruction)
		if !ok {
			return
		}
		if _, unlock, read := Call(c); unlock != "" && !slices.Contains(held, unlock) {
			for _, l := range entries(unlock, read) {
				handed[l] = true
			}
		}
		if c, ok := in.(*ssa.Call); ok && inPackage(c) != nil {
			callee := inPackage(c)
			for _, l := range translate(w.release(callee).handed, callee, c) {
				if !slices.Contains(held, l) {
					handed[l] = true
				}
			}
		}
	}, nil)
	r.handed = slices.Sorted(maps.Keys(handed))
	if len(handed) > 0 {
		in, done = w.flow(f, r.handed)
	}
	returns := 0
	w.each(f, in, done, func(in ssa.Instruction, held []string) {
		if _, ok := in.(*ssa.Return); ok {
			r.returns(held, returns == 0)
			returns++
		}
	}, nil)
	locked, unlocked := deferred(f)
	r.gone = slices.DeleteFunc(r.gone, func(l string) bool { return slices.Contains(locked, l) })
	for _, l := range r.handed {
		if slices.Contains(unlocked, l) {
			r.gone = append(r.gone, l)
		}
	}
	r.taken = slices.DeleteFunc(r.taken, func(l string) bool { return slices.Contains(unlocked, l) })
	w.known[f] = r
	return r
}

// returns adds that the function may return with these locks held.
func (r *release) returns(held []string, first bool) {
	for _, l := range r.handed {
		if !slices.Contains(held, l) && !slices.Contains(r.gone, l) {
			r.gone = append(r.gone, l)
		}
	}
	own := slices.DeleteFunc(slices.Clone(held), func(l string) bool { return slices.Contains(r.handed, l) })
	if first {
		r.taken = own
	} else {
		r.taken = slices.DeleteFunc(r.taken, func(l string) bool { return !slices.Contains(own, l) })
	}
}

// deferred returns the locks that f takes and releases by defer.
func deferred(f *ssa.Function) (locked, unlocked []string) {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			d, ok := in.(*ssa.Defer)
			if !ok {
				continue
			}
			if lock, unlock, _ := Call(d); lock != "" {
				locked = append(locked, entries(lock, false)...)
			} else if unlock != "" {
				unlocked = append(unlocked, entries(unlock, false)...)
			}
		}
	}
	return locked, unlocked
}

// flow returns the locks that are held where each block begins, and which blocks are reached.
func (w *Walker) flow(f *ssa.Function, entry []string) (in [][]string, done []bool) {
	in = make([][]string, len(f.Blocks))
	done = make([]bool, len(f.Blocks))
	in[0], done[0] = entry, true
	work := []*ssa.BasicBlock{f.Blocks[0]}
	for rounds := 0; len(work) > 0 && rounds < 10*len(f.Blocks)+50; rounds++ {
		b := work[0]
		work = work[1:]
		out := w.block(b, in[b.Index], nil, nil)
		for _, s := range b.Succs {
			next := out
			if done[s.Index] {
				next = slices.DeleteFunc(slices.Clone(in[s.Index]), func(l string) bool { return !slices.Contains(out, l) })
				if len(next) == len(in[s.Index]) {
					continue
				}
			}
			done[s.Index] = true
			in[s.Index] = next
			work = append(work, s)
		}
	}
	return in, done
}

func (w *Walker) each(f *ssa.Function, in [][]string, done []bool, before, after func(ssa.Instruction, []string)) {
	for _, b := range f.Blocks {
		if done[b.Index] {
			w.block(b, in[b.Index], before, after)
		}
	}
}

// block follows the locks through b.
func (w *Walker) block(b *ssa.BasicBlock, held []string, before, after func(ssa.Instruction, []string)) []string {
	held = slices.Clone(held)
	for _, in := range b.Instrs {
		if before != nil {
			before(in, held)
		}
		if c, ok := in.(*ssa.Call); ok {
			held = w.call(c, held)
		}
		if after != nil {
			after(in, slices.Clone(held))
		}
	}
	return held
}

// call returns the locks held after c, where held are those before.
func (w *Walker) call(c *ssa.Call, held []string) []string {
	lock, unlock, read := Call(c)
	switch {
	case lock != "":
		return append(held, entries(lock, read)...)
	case unlock != "":
		return slices.DeleteFunc(held, func(l string) bool { return l == unlock || l == unlock+exclusive })
	}
	callee := inPackage(c)
	if callee == nil {
		return held
	}
	r := w.release(callee)
	gone := translate(r.gone, callee, c)
	held = slices.DeleteFunc(held, func(l string) bool { return slices.Contains(gone, l) })
	return append(held, translate(r.taken, callee, c)...)
}

// Class is the name that all functions share for the lock (or WaitGroup) at path in f, by the type and the field that it
// is in, and the parameter or captured variable that it belongs to. It is "" for one that has no such name.
func Class(f *ssa.Function, path string) (name, base string) {
	if strings.HasPrefix(path, "@") {
		return path, "@"
	}
	base, rest, ok := strings.Cut(path, ".")
	if !ok {
		return "", ""
	}
	for _, p := range f.Params {
		if p.Name() == base {
			return className(p.Type(), rest), base
		}
	}
	for _, v := range f.FreeVars {
		if v.Name() == base {
			return className(v.Type(), rest), base
		}
	}
	return "", ""
}

func className(t types.Type, field string) string {
	for {
		ptr, ok := t.Underlying().(*types.Pointer)
		if !ok {
			return types.TypeString(t, nil) + "." + field
		}
		t = ptr.Elem()
	}
}

// Path names an address: "x.mu" for a field of parameter x, "@mu" for a package variable, "#..." for what has no name.
func Path(v ssa.Value) string {
	switch x := v.(type) {
	case *ssa.FieldAddr:
		f := x.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct).Field(x.Field)
		return Path(x.X) + "." + f.Name()
	case *ssa.UnOp:
		if x.Op == token.MUL {
			return Path(x.X)
		}
	case *ssa.Global:
		return "@" + x.Name()
	case *ssa.Parameter, *ssa.FreeVar:
		return v.Name()
	case *ssa.Alloc:
		if x.Comment != "" {
			return x.Comment
		}
	}
	return "#" + v.Name()
}
