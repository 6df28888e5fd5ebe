package locks

import (
	"go/constant"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// condition names what a branch asks, so that two branches which ask the same are known to go the same way.
type condition struct {
	what  Place
	op    token.Token // ILLEGAL: what is true
	other Place       // what it is compared with,
	value string      // or the constant
}

// conditionOf names the boolean v; the condition is its contrary if not is set.
func (fl *flow) conditionOf(v ssa.Value) (c condition, not bool) {
	switch x := v.(type) {
	case *ssa.UnOp:
		if x.Op == token.NOT {
			c, not = fl.conditionOf(x.X)
			return c, !not
		}
	case *ssa.BinOp:
		op := x.Op
		switch op {
		case token.NEQ:
			op, not = token.EQL, true
		case token.GEQ:
			op, not = token.LSS, true
		case token.GTR:
			op, not = token.LEQ, true
		case token.EQL, token.LSS, token.LEQ:
		default:
			return condition{what: fl.stable(v)}, false
		}
		c = condition{what: fl.stable(x.X), op: op}
		if k, ok := x.Y.(*ssa.Const); ok {
			c.value = constOf(k)
		} else if k, ok := x.X.(*ssa.Const); ok && op == token.EQL {
			c = condition{what: fl.stable(x.Y), op: op, value: constOf(k)}
		} else {
			c.other = fl.stable(x.Y)
		}
		return c, not
	}
	return condition{what: fl.stable(v)}, false
}

func constOf(k *ssa.Const) string {
	if k.Value == nil {
		return "nil"
	}
	return k.Value.ExactString()
}

// stable returns the place that v is loaded from, if nothing in the function stores there; else v itself.
func (fl *flow) stable(v ssa.Value) Place {
	load, ok := v.(*ssa.UnOp)
	if !ok || load.Op != token.MUL {
		return Place{Root: v}
	}
	switch a := load.X.(type) {
	case *ssa.FieldAddr:
		if fl.storedFields[FieldOf(a)] {
			return Place{Root: v}
		}
	case *ssa.Alloc:
		if only := onlyValue(a); only != nil {
			return Place{Root: only}
		}
		return Place{Root: v}
	case *ssa.FreeVar, *ssa.Global:
	default:
		return Place{Root: v}
	}
	return PlaceOf(load.X)
}

// onlyValue returns what is stored in the variable a, if that is one value.
func onlyValue(a *ssa.Alloc) (only ssa.Value) {
	for _, r := range *a.Referrers() {
		switch r := r.(type) {
		case *ssa.Store:
			if r.Addr != a || only != nil {
				return nil
			}
			only = r.Val
		case *ssa.MakeClosure:
			if assignedIn(r, a) {
				return nil
			}
		}
	}
	return only
}

// most is how many conditions of a function are kept track of: one bit each.
const most = 32

// bit returns the number of the condition, -1 if there are too many.
func (fl *flow) bit(c condition) int {
	i, ok := fl.bits[c]
	if !ok {
		if len(fl.bits) == most {
			return -1
		}
		i = len(fl.bits)
		fl.bits[c] = i
		fl.conds = append(fl.conds, c)
		for _, v := range []ssa.Value{c.what.Root, c.other.Root} {
			if v != nil {
				fl.about[v] = append(fl.about[v], i)
			}
		}
	}
	return i
}

// prepare finds the conditions worth keeping: those that are asked more than once, that a branch sets a variable for,
// that come from a call, which may say by its result whether it has taken a lock, or that the caller may know how to answer.
func (fl *flow) prepare() {
	asked := make(map[condition]int)
	for _, b := range fl.f.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Store:
				if a, ok := in.Addr.(*ssa.FieldAddr); ok {
					fl.storedFields[FieldOf(a)] = true
				}
			case ssa.CallInstruction:
				if op := OpOf(in); op.Action != None {
					if phi, ok := op.Lock.Root.(*ssa.Phi); ok {
						fl.owners[phi] = true
					}
				}
			}
		}
	}
	for _, b := range fl.f.Blocks {
		if branch, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If); ok {
			c, _ := fl.conditionOf(branch.Cond)
			asked[c]++
			switch c.what.Root.(type) {
			case *ssa.Phi, *ssa.Call, *ssa.Extract:
				asked[c]++
			}
			if fl.aboutCaller(c) {
				asked[c]++
			}
		}
	}
	for _, b := range fl.f.Blocks { // in source order, so that the bits are the same each time
		if branch, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If); ok {
			if c, _ := fl.conditionOf(branch.Cond); asked[c] > 1 {
				fl.bit(c)
			}
		}
	}
}

// along returns c as it is when control goes from b to its i-th successor; false if it cannot go there.
func (fl *flow) along(c config, b *ssa.BasicBlock, i int) (config, bool) {
	if branch, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If); ok {
		if k, isConst := branch.Cond.(*ssa.Const); isConst {
			return c, constant.BoolVal(k.Value) == (i == 0)
		}
		cond, not := fl.conditionOf(branch.Cond)
		if bit, tracked := fl.bits[cond]; tracked && !c.decide(bit, (i == 0) != not) {
			return c, false
		}
	}
	to := b.Succs[i]
	for _, in := range to.Instrs {
		phi, ok := in.(*ssa.Phi)
		if !ok {
			break
		}
		from := predIndex(b, to, i)
		fl.redefined(&c, phi)
		fl.assign(&c, phi, from)
		fl.rename(&c, phi, phi.Edges[from])
	}
	return c, true
}

// redefined forgets what is known about v, which gets a new value: a loop comes by again.
func (fl *flow) redefined(c *config, v ssa.Value) {
	for _, bit := range fl.about[v] {
		c.forget(bit)
	}
}

// rename follows a lock whose owner moves on to another variable, as a walk along a list does: at.mu is held after at = at.next,
// if at.next.mu was before. What was held of the old at has no name any more.
func (fl *flow) rename(c *config, phi *ssa.Phi, v ssa.Value) {
	if !fl.owners[phi] {
		return
	}
	from := PlaceOf(v)
	var held []Held
	for _, h := range c.held {
		if rest, ok := h.Lock.Within(from); ok && from.Root != nil {
			h.Lock = Place{phi, rest}
		} else if h.Lock.Root == phi {
			fl.cut = true
			continue
		}
		held = append(held, h)
	}
	c.held = held
}

// predIndex returns which predecessor of to the i-th successor edge of b is.
func predIndex(b, to *ssa.BasicBlock, i int) int {
	nth := 0 // both branches may lead to one block
	for _, s := range b.Succs[:i] {
		if s == to {
			nth++
		}
	}
	for j, p := range to.Preds {
		if p == b {
			if nth == 0 {
				return j
			}
			nth--
		}
	}
	return 0
}

// assign sets what is known of a phi by what comes in.
func (fl *flow) assign(c *config, phi *ssa.Phi, from int) {
	for _, test := range []condition{{what: Place{Root: phi}}, {what: Place{Root: phi}, op: token.EQL, value: "nil"}} {
		bit, ok := fl.bits[test]
		if !ok {
			continue
		}
		if is, known := fl.truth(*c, phi.Edges[from], test.op == token.EQL); known {
			c.decide(bit, is)
		}
	}
}

// truth tells whether v is true, or nil, if that is known.
func (fl *flow) truth(c config, v ssa.Value, asNil bool) (is, known bool) {
	switch v := v.(type) {
	case *ssa.Const:
		if asNil {
			return v.IsNil(), true
		}
		return v.Value != nil && v.Value.Kind() == constant.Bool && constant.BoolVal(v.Value), true
	case *ssa.MakeInterface, *ssa.Alloc:
		if asNil {
			return false, true
		}
	case *ssa.UnOp:
		if g, ok := v.X.(*ssa.Global); ok && asNil && isError(g.Type()) {
			return false, true // an error that the package has a name for
		}
	case *ssa.Call:
		if f := v.Call.StaticCallee(); asNil && f != nil && (f.RelString(nil) == "errors.New" || f.RelString(nil) == "fmt.Errorf") {
			return false, true
		}
	}
	var cond condition
	var not bool
	if asNil {
		cond = condition{what: fl.stable(v), op: token.EQL, value: "nil"}
	} else {
		cond, not = fl.conditionOf(v)
	}
	if bit, ok := fl.bits[cond]; ok && c.known&(1<<bit) != 0 {
		return (c.value&(1<<bit) != 0) != not, true
	}
	return false, false
}

func isError(t types.Type) bool {
	return types.Identical(elem(t), types.Universe.Lookup("error").Type())
}
