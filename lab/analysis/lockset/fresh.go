package lockset

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// lonely tells whether v is a new value at instruction in: made by the function itself or by a constructor, or taken from a
// sync.Pool, and not yet shared with a goroutine.
func (p *collector) lonely(v ssa.Value, in ssa.Instruction) bool {
	if p.asking == 0 {
		p.budget = mostSteps
	}
	p.asking++
	defer func() { p.asking-- }()
	root := p.newValue(v, 6)
	return root != nil && !p.shared(root, in, 3)
}

// justPut tells whether v is a new value that the steps right before in have put into the field or variable from which v is
// loaded, and go on to fill in.
func justPut(v ssa.Value, in ssa.Instruction) (put bool) {
	load, ok := v.(*ssa.UnOp)
	if !ok || load.Op != token.MUL {
		return false
	}
	place := locks.PlaceOf(load.X)
	for _, before := range in.Block().Instrs[:index(in)] {
		switch before := before.(type) {
		case *ssa.Store:
			if locks.PlaceOf(before.Addr) == place {
				_, put = before.Val.(*ssa.Alloc)
			}
		case *ssa.Go:
			put = false
		}
	}
	return put
}

// mostSteps is how many values are looked at to find out whether one is new. A value of which that is not found out counts as
// new: it comes from so many places that nobody could check a report.
const mostSteps = 300

// newValue returns the new object that v is, or is a part of; nil if it is none.
func (p *collector) newValue(v ssa.Value, depth int) ssa.Value {
	if p.budget--; p.budget < 0 {
		return v
	}
	if depth == 0 {
		return nil
	}
	switch x := v.(type) {
	case *ssa.Alloc, *ssa.MakeSlice, *ssa.MakeMap:
		return v
	case *ssa.FieldAddr:
		return p.newValue(x.X, depth-1)
	case *ssa.IndexAddr:
		return p.newValue(x.X, depth-1)
	case *ssa.TypeAssert:
		return p.newValue(x.X, depth-1)
	case *ssa.Slice:
		return p.newValue(x.X, depth-1)
	case *ssa.Extract:
		if c, ok := x.Tuple.(*ssa.Call); ok && x.Index == 0 && (p.constructs(c) || p.returnsItsNew(c, depth)) {
			return v
		}
	case *ssa.Call:
		if p.constructs(x) || p.returnsItsNew(x, depth) {
			return v
		}
	case *ssa.Phi:
		for _, e := range x.Edges {
			if !isNil(e) && p.newValue(e, depth-1) == nil {
				return nil
			}
		}
		return v
	case *ssa.UnOp:
		return p.loadedNew(x, depth)
	}
	return nil
}

// loadedNew returns the new object that a local variable holds, or that a field of a new object was made with.
func (p *collector) loadedNew(load *ssa.UnOp, depth int) ssa.Value {
	if load.Op != token.MUL {
		return nil
	}
	a, ok := load.X.(*ssa.Alloc)
	if !ok {
		switch load.Type().Underlying().(type) {
		case *types.Slice, *types.Pointer, *types.Map:
			return p.newValue(load.X, depth-1)
		}
		return nil
	}
	found := false
	for _, r := range *a.Referrers() {
		if s, ok := r.(*ssa.Store); ok && s.Addr == a && !isNil(s.Val) {
			if p.newValue(s.Val, depth-1) == nil {
				return nil
			}
			found = true
		}
	}
	if found {
		return a
	}
	return nil
}

// constructs tells whether the call returns what nobody else knows yet.
func (p *collector) constructs(c *ssa.Call) bool {
	f := c.Call.StaticCallee()
	if f == nil {
		return false
	}
	if f.RelString(nil) == "(*sync.Pool).Get" {
		return true
	}
	callee := locks.Callee(c)
	return callee != nil && p.returnsNew(callee)
}

// returnsItsNew tells whether the callee fills in what it is given and returns that, and it is given a new object.
func (p *collector) returnsItsNew(c *ssa.Call, depth int) bool {
	callee := locks.Callee(c)
	if callee == nil {
		return false
	}
	var param *ssa.Parameter
	for _, b := range callee.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok || len(ret.Results) > 0 && isNil(ret.Results[0]) {
			continue
		}
		if len(ret.Results) == 0 {
			return false
		}
		q, ok := locks.PlaceOf(ret.Results[0]).Root.(*ssa.Parameter)
		if !ok || locks.PlaceOf(ret.Results[0]).Fields != "" || param != nil && param != q {
			return false
		}
		param = q
	}
	if param == nil {
		return false
	}
	i, args := slices.Index(callee.Params, param), locks.Arguments(c)
	return i >= 0 && i < len(args) && p.newValue(args[i], depth-1) != nil && !p.passes(c, args[i], 1)
}

// returnsNew tells whether all that f returns first is new, and not shared by the time of the return. Of a recursion it is
// assumed that it is not.
func (p *collector) returnsNew(f *ssa.Function) bool {
	if known, ok := p.news[f]; ok {
		return known
	}
	p.news[f] = false
	found := false
	for _, b := range f.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok {
			continue
		}
		if len(ret.Results) == 0 {
			return false
		}
		if isNil(ret.Results[0]) {
			continue
		}
		if !p.lonely(ret.Results[0], ret) {
			return false
		}
		found = true
	}
	p.news[f] = found
	return found
}

// shared tells whether the object v may be known to others by the time of instruction at: it was given to a goroutine, or put
// where others find it, on some way that leads there.
func (p *collector) shared(v ssa.Value, at ssa.Instruction, depth int) bool {
	if v.Referrers() == nil {
		return false
	}
	for _, r := range *v.Referrers() {
		if p.budget--; p.budget < 0 {
			return false
		}
		if r.Block() != nil && p.shares(r, v, at, depth) && mayPrecede(r, at, v) {
			return true
		}
	}
	return false
}

// mayPrecede tells whether b can come after a while v is the same: a loop that comes by where v is made has a new one.
func mayPrecede(a, b ssa.Instruction, v ssa.Value) bool {
	if a.Parent() != b.Parent() {
		return true
	}
	made, _ := v.(ssa.Instruction)
	if a.Block() == b.Block() && index(a) < index(b) {
		return true
	}
	seen := make(map[*ssa.BasicBlock]bool)
	work := []*ssa.BasicBlock{a.Block()}
	for len(work) > 0 {
		from := work[0]
		work = work[1:]
		for _, s := range from.Succs {
			if seen[s] {
				continue
			}
			seen[s] = true
			anew := made != nil && made.Block() == s
			if s == b.Block() && !(anew && index(made) <= index(b)) {
				return true
			}
			if !anew {
				work = append(work, s)
			}
		}
	}
	return false
}

func index(in ssa.Instruction) int { return slices.Index(in.Block().Instrs, in) }

// shares tells whether instruction in, which uses v, makes it known to others.
func (p *collector) shares(in ssa.Instruction, v ssa.Value, at ssa.Instruction, depth int) bool {
	switch in := in.(type) {
	case *ssa.Go:
		return !p.spares(in)
	case *ssa.Send:
		return in.X == v
	case *ssa.MapUpdate:
		return in.Value == v && p.newValue(in.Map, 4) == nil
	case *ssa.Store:
		if in.Val != v {
			return false
		}
		if a, ok := in.Addr.(*ssa.Alloc); ok {
			return depth > 0 && p.shared(a, at, depth-1)
		}
		return p.newValue(in.Addr, 4) == nil
	case *ssa.UnOp, *ssa.Phi, *ssa.MakeInterface, *ssa.ChangeType, *ssa.ChangeInterface:
		if u, ok := in.(*ssa.UnOp); ok && u.Op != token.MUL {
			return false
		}
		if _, pointer := in.(ssa.Value).Type().Underlying().(*types.Basic); pointer {
			return false
		}
		return depth > 0 && p.shared(in.(ssa.Value), at, depth-1)
	case *ssa.MakeClosure:
		return p.closureStarts(in, at, v)
	case *ssa.Call:
		return depth > 0 && p.passes(in, v, depth)
	}
	return false
}

// closureStarts tells whether the literal is started as a goroutine, or given to who does so.
func (p *collector) closureStarts(c *ssa.MakeClosure, at ssa.Instruction, v ssa.Value) bool {
	for _, r := range *c.Referrers() {
		if !mayPrecede(r, at, v) {
			continue
		}
		switch r := r.(type) {
		case *ssa.Go:
			if !p.spares(r) {
				return true
			}
		case *ssa.Call:
			f := r.Call.StaticCallee()
			if f != nil && (slices.Contains(starters, f.RelString(nil)) || f.RelString(nil) == "time.AfterFunc") {
				return true
			}
			if source := locks.Callee(r); source != nil && startsDirectly(source) {
				return true
			}
		}
	}
	return false
}

// passes tells whether a function of the package that is given v shares it.
func (p *collector) passes(c *ssa.Call, v ssa.Value, depth int) bool {
	callee := locks.Callee(c)
	if callee == nil {
		return false
	}
	for i, a := range locks.Arguments(c) {
		if a != v || i >= len(callee.Params) {
			continue
		}
		for _, r := range *callee.Params[i].Referrers() {
			if r.Block() != nil && !p.joinsOwn(r, callee, c) && p.shares(r, callee.Params[i], callee.Blocks[0].Instrs[0], 0) {
				return true
			}
		}
	}
	return false
}

// joinsOwn tells whether in, in the callee of c, puts a value into another argument that nobody else knows either: the parts of a
// new value learn about each other.
func (p *collector) joinsOwn(in ssa.Instruction, callee *ssa.Function, c *ssa.Call) bool {
	s, ok := in.(*ssa.Store)
	if !ok {
		return false
	}
	field, ok := s.Addr.(*ssa.FieldAddr)
	if !ok {
		return false
	}
	i, args := slices.IndexFunc(callee.Params, func(q *ssa.Parameter) bool { return q == field.X }), locks.Arguments(c)
	return i >= 0 && i < len(args) && p.newValue(args[i], 4) != nil
}
