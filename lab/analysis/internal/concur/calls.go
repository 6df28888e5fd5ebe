package concur

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// call is a call under way.
type call struct {
	m       *machine
	g       *G
	args    []Value
	common  *ssa.CallCommon // nil for calls of the model's own
	pos     token.Pos
	done    func(Value) // what to do with the result
	deferOf *frame
}

// result ends the call at once.
func (c *call) result(v Value) {
	if c.done != nil {
		c.done(v)
	}
}

// visible makes the call a visible operation of its goroutine.
func (c *call) visible(o *op) {
	o.pos, o.done = c.pos, c.done
	if o.object == nil {
		o.object = c.operand()
	}
	c.g.op = o
}

// operand is what the call operates on, for people.
func (c *call) operand() ssa.Value {
	if c.common == nil {
		return nil
	}
	if c.common.IsInvoke() {
		return c.common.Value
	}
	if len(c.common.Args) > 0 {
		return c.common.Args[0]
	}
	return nil
}

// resultType is the type of the call's result.
func (c *call) resultType(sig *types.Signature) types.Type {
	if c.common != nil {
		sig = c.common.Signature()
	}
	if sig == nil {
		return types.NewTuple()
	}
	return sig.Results()
}

// bound is a method call on an interface, before its method is known.
type bound struct {
	recv   Value
	method *types.Func
}

// prepare evaluates the function and the arguments of a call.
func (m *machine) prepare(f *frame, cc *ssa.CallCommon) (Value, []Value) {
	args := make([]Value, 0, len(cc.Args))
	for _, a := range cc.Args {
		args = append(args, copyVal(m.get(f, a)))
	}
	if cc.IsInvoke() {
		return &bound{m.get(f, cc.Value), cc.Method}, args
	}
	return m.get(f, cc.Value), args
}

func (m *machine) doCall(g *G, f *frame, cc *ssa.CallCommon, in *ssa.Call) {
	fn, args := m.prepare(f, cc)
	m.invoke(&call{m: m, g: g, args: args, common: cc, pos: in.Pos(), done: func(v Value) {
		m.set(f, in, v)
		f.pc++
	}}, fn)
}

const maxDepth = 40

// invoke calls fn: it pushes a frame, sets the goroutine's visible operation, or is done at once.
func (m *machine) invoke(c *call, fn Value) {
	switch fn := fn.(type) {
	case *ssa.Function:
		m.enter(c, fn, nil)
	case *closure:
		m.enter(c, fn.fn, fn.env)
	case *native:
		fn.call(c)
	case *ssa.Builtin:
		m.builtin(c, fn)
	case *bound:
		m.invokeMethod(c, fn)
	case nil:
		m.stop(pruned) // nil function: the program would crash
	default:
		m.opaque(c, nil)
	}
}

func (m *machine) enter(c *call, fn *ssa.Function, env []Value) {
	if fn.Name() == "init" && fn.Pkg != m.prog.pkg && fn.Signature.Recv() == nil {
		c.result(nil) // the initializer of another package
		return
	}
	info := m.prog.info(fn)
	if info.model != nil {
		info.model(c)
		return
	}
	if len(fn.Blocks) == 0 || len(c.g.frames) >= maxDepth {
		m.external(c, fn, info)
		return
	}
	f := &frame{fn: fn, info: info, block: fn.Blocks[0], ret: c.done, deferOf: c.deferOf, regs: m.mem.regs.take(len(info.index))}
	for i, p := range fn.Params {
		if i < len(c.args) {
			f.regs[info.index[p]] = c.args[i]
		}
	}
	for i, v := range fn.FreeVars {
		f.regs[info.index[v]] = env[i]
	}
	c.g.frames = append(c.g.frames, f)
}

// external calls a function whose body is not in the model.
func (m *machine) external(c *call, fn *ssa.Function, info *fnInfo) {
	if harmless(fn) {
		for _, a := range c.args { // a function may be kept, as by t.Cleanup
			switch a.(type) {
			case *closure, *native:
				m.env = append(m.env, a)
			}
		}
		c.result(m.answer(c, c.resultType(fn.Signature)))
		return
	}
	if exits(info.name) || failsTest(info.name, fn) {
		m.stop(exited)
		return
	}
	m.opaque(c, fn.Signature)
}

// opaque hands the arguments to the outside and gets something unknown back.
func (m *machine) opaque(c *call, sig *types.Signature) {
	for _, a := range c.args {
		if !scalar(a) && a != nil {
			m.env = append(m.env, a)
		}
	}
	c.result(m.answer(c, c.resultType(sig)))
}

func (m *machine) goexit(g *G) {
	if n := len(g.frames); n > 0 {
		g.frames[n-1].panics = exiting
	}
}

func (m *machine) invokeMethod(c *call, b *bound) {
	recv := b.recv
	if u, ok := recv.(*unknown); ok {
		u.nilSet, u.isNil = true, false
		if b.method.Name() == "Done" && isContext(u.typ) {
			if u.done == nil {
				u.done = m.newUnknown(b.method.Signature().Results().At(0).Type())
				m.chanOf(u.done).signal = true
			}
			c.result(u.done)
			return
		}
		if isContext(u.typ) || isTesting(u.typ) || isError(u.typ) {
			if isTesting(u.typ) && testingExits[b.method.Name()] {
				m.stop(exited)
				return
			}
			c.result(m.fresh(c.resultType(b.method.Signature())))
			return
		}
		c.args = append([]Value{recv}, c.args...)
		m.opaque(c, b.method.Signature())
		return
	}
	i, ok := recv.(iface)
	if !ok {
		m.stop(pruned)
		return
	}
	if special(c, i.val, b.method.Name()) {
		return
	}
	fn := m.method(i.typ, b.method)
	c.args = append([]Value{i.val}, c.args...)
	if fn == nil {
		m.opaque(c, b.method.Signature())
		return
	}
	m.enter(c, fn, nil)
}

// method returns the method of t that fn names, or nil for the types that only the model knows.
func (m *machine) method(t types.Type, fn *types.Func) *ssa.Function {
	sel := m.prog.pkg.Prog.MethodSets.MethodSet(t).Lookup(fn.Pkg(), fn.Name())
	if sel == nil {
		return nil
	}
	return m.prog.pkg.Prog.MethodValue(sel)
}

func isContext(t types.Type) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "context" && n.Obj().Name() == "Context"
}

func isTesting(t types.Type) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "testing"
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

func (m *machine) builtin(c *call, b *ssa.Builtin) {
	var x Value
	if len(c.args) > 0 {
		x = c.args[0]
	}
	switch b.Name() {
	case "close":
		ch := m.chanOf(x)
		g, pos, expr := c.g, c.pos, c.operand()
		c.visible(&op{kind: opStep, do: func() Value { m.closeChan(g, ch, pos, expr); return nil }})
		return
	case "len", "cap":
		if f := c.g.frames; len(f) > 0 && f[len(f)-1].info.filled[c.common] {
			m.lengths(x, 1, unknownLen) // goroutines are started, one for each: see decide
		}
		c.result(m.length(b.Name(), x))
		return
	case "append":
		c.result(m.appendTo(c))
		return
	case "copy":
		dst, ok1 := x.(sliceVal)
		src, ok2 := c.args[1].(sliceVal)
		if ok1 && ok2 {
			c.result(int64(copy(dst, src)))
			return
		}
		m.env = append(m.env, c.args[1])
		c.result(m.newUnknown(types.Typ[types.Int]))
		return
	case "delete":
		switch mv := x.(type) {
		case *mapVal:
			if i := mv.find(m, c.args[1]); i >= 0 {
				mv.keys = append(mv.keys[:i:i], mv.keys[i+1:]...)
				mv.vals = append(mv.vals[:i:i], mv.vals[i+1:]...)
			}
		case *unknown:
			mv.changed = true
		}
		c.result(nil)
		return
	case "clear":
		switch mv := x.(type) {
		case *mapVal:
			mv.keys, mv.vals = nil, nil
		case *unknown:
			mv.changed = true
		}
		c.result(nil)
		return
	case "min", "max":
		m.minMax(c, b.Name())
		return
	case "recover":
		c.result(m.recoverPanic(c.g))
		return
	case "panic":
		if n := len(c.g.frames); n > 0 {
			c.g.frames[n-1].panics = panicking
		}
		return
	case "ssa:wrapnilchk":
		c.result(x)
		return
	}
	c.result(m.fresh(c.resultType(nil)))
}

func (m *machine) minMax(c *call, name string) {
	t := c.common.Args[0].Type()
	best := c.args[0]
	for _, a := range c.args[1:] {
		x, y := a, best
		if name == "max" {
			x, y = best, a
		}
		better, ok := m.fixed(m.binop(token.LSS, t, x, y, types.Typ[types.Bool]))
		if !ok {
			c.result(m.fresh(c.resultType(nil)))
			return
		}
		if better {
			best = a
		}
	}
	c.result(best)
}

// fixed returns the outcome of a comparison, and decides it if nothing else has.
func (m *machine) fixed(v Value) (outcome, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case *unknown:
		if !v.decided {
			outcome, known := m.follows(v)
			if !known {
				outcome = m.choose(2) == 1
			}
			v.decided, v.outcome = true, outcome
			m.learn(v)
		}
		return v.outcome, true
	}
	return false, false
}

func (m *machine) recoverPanic(g *G) Value {
	n := len(g.frames)
	if n == 0 {
		return nil
	}
	f := g.frames[n-1].deferOf
	if f == nil || f.panics != panicking {
		return nil
	}
	if f.value == recovered {
		return nil
	}
	v := f.value
	f.value = recovered
	if v == nil {
		v = m.newUnknown(types.Universe.Lookup("any").Type())
	}
	return v
}

func (m *machine) length(name string, x Value) Value {
	switch x := x.(type) {
	case nil:
		return int64(0)
	case string:
		return int64(len(x))
	case sliceVal:
		if name == "cap" {
			return int64(cap(x))
		}
		return int64(len(x))
	case arrayVal:
		return int64(len(x))
	case *Value:
		if a, ok := (*x).(arrayVal); ok {
			return int64(len(a))
		}
	case *mapVal:
		return int64(len(x.keys))
	case *Chan:
		if x.open {
			break
		}
		if name == "cap" {
			return int64(x.cap)
		}
		return int64(len(x.buf))
	case *unknown:
		if _, ok := x.typ.Underlying().(*types.Slice); ok {
			s, _ := m.sliceOf(x)
			return int64(len(s))
		}
		if _, ok := x.typ.Underlying().(*types.Map); ok {
			if n, ok := m.entries(x); ok {
				return int64(n)
			}
			break
		}
		return m.expr(token.ILLEGAL, x, nil, types.Typ[types.Int])
	}
	return m.newUnknown(types.Typ[types.Int])
}

func (m *machine) appendTo(c *call) Value {
	dst, ok := m.sliceOf(c.args[0])
	if !ok || len(dst) > 256 {
		m.env = append(m.env, c.args...)
		return c.args[0]
	}
	if len(c.args) < 2 {
		return c.args[0]
	}
	add, ok := m.sliceOf(c.args[1])
	if !ok { // append([]byte, string...)
		return m.fresh(c.common.Args[0].Type())
	}
	if _, isUnknown := c.args[0].(*unknown); isUnknown {
		dst = append(sliceVal(nil), dst...)
	}
	for _, v := range add {
		dst = append(dst, copyVal(v))
	}
	return dst
}
