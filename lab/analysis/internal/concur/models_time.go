package concur

import (
	"go/token"
	"go/types"
	"strings"
	"time"

	"golang.org/x/tools/go/ssa"
)

// ctxVal is a context made by the program. root contexts never end.
type ctxVal struct {
	parent   Value // an iface with a *ctxVal, or an unknown context
	done     *Chan // nil: never
	ended    bool
	children []*ctxVal
	value    Value
}

var ctxType = types.NewPointer(types.NewNamed(types.NewTypeName(token.NoPos, nil, "ctx", nil), types.NewStruct(nil, nil), nil))

func rootCtxModel(c *call) { c.result(iface{ctxType, &ctxVal{}}) }

// doneOf returns the channel that ends with ctx, its owner in the model if it has one, and whether the outside can end it.
func (m *machine) doneOf(ctx Value) (owner *ctxVal, foreign bool) {
	switch v := ctx.(type) {
	case iface:
		if cv, ok := v.val.(*ctxVal); ok {
			return cv, false
		}
		return nil, true
	case *unknown:
		return nil, true
	}
	return nil, false
}

func (m *machine) newCtx(parent Value) *ctxVal {
	m.nextID++
	cv := &ctxVal{parent: parent, done: &Chan{id: m.nextID, signal: true, elem: types.NewStruct(nil, nil)}}
	owner, foreign := m.doneOf(parent)
	if foreign {
		cv.done.open = true
	}
	if owner != nil {
		owner.children = append(owner.children, cv)
		if owner.done != nil {
			cv.done.open = owner.done.open
		}
		if owner.ended {
			m.endCtx(cv)
		}
	}
	return cv
}

func (m *machine) endCtx(cv *ctxVal) {
	if cv.ended {
		return
	}
	cv.ended = true
	if cv.done != nil {
		cv.done.closed = true
	}
	for _, k := range cv.children {
		m.endCtx(k)
	}
}

func (m *machine) cancelFunc(cv *ctxVal) *native {
	return &native{name: "cancel", cancels: cv, call: func(c *call) {
		g, pos := c.g, c.pos
		c.visible(&op{kind: opStep, do: func() Value {
			m.note(g, pos, "cancels the context")
			m.endCtx(cv)
			return nil
		}})
	}}
}

func withCancelModel(c *call) {
	cv := c.m.newCtx(c.args[0])
	c.result(tuple{iface{ctxType, cv}, c.m.cancelFunc(cv)})
}

func withTimeoutModel(c *call) {
	m := c.m
	cv := m.newCtx(c.args[0])
	m.timers = append(m.timers, &timer{name: "the context's deadline passes", active: true, refs: []Value{m.cancelFunc(cv)},
		ready: func() bool { return !cv.ended }, fire: func() { m.endCtx(cv) }})
	c.result(tuple{iface{ctxType, cv}, m.cancelFunc(cv)})
}

func withValueModel(c *call) {
	cv := c.m.newCtx(c.args[0])
	if owner, _ := c.m.doneOf(c.args[0]); owner != nil && owner.done == nil {
		cv.done = nil
	}
	cv.value = c.args[2]
	c.result(iface{ctxType, cv})
}

func ctxMethod(c *call, cv *ctxVal, name string) {
	switch name {
	case "Done":
		if cv.done == nil {
			c.result(nil)
			return
		}
		c.result(cv.done)
	case "Err":
		if cv.ended || cv.done != nil && cv.done.closed {
			c.result(iface{errorString, new(Value)})
			return
		}
		if cv.done != nil && cv.done.open {
			c.result(c.m.newUnknown(types.Universe.Lookup("error").Type()))
			return
		}
		c.result(nil)
	default:
		c.result(c.m.fresh(c.resultType(nil)))
	}
}

// afterModel is time.After and time.Tick.
func afterModel(c *call) {
	name := c.common.StaticCallee().Name()
	ch := c.m.timerChan(name == "Tick")
	c.result(ch)
}

// timerChan returns the channel of a new timer.
func (m *machine) timerChan(repeat bool) *Chan {
	m.nextID++
	ch := &Chan{id: m.nextID, cap: 1, clock: true, elem: types.Typ[types.Int64]}
	m.timers = append(m.timers, &timer{name: "a timer fires", active: true, repeat: repeat, refs: []Value{ch},
		ready: func() bool { return len(ch.buf) == 0 },
		fire:  func() { m.send(nil, ch, m.newUnknown(types.Typ[types.Int64]), token.NoPos) }})
	return ch
}

func newTimerModel(c *call) {
	m := c.m
	callee := c.common.StaticCallee()
	ch := m.timerChan(callee.Name() == "NewTicker")
	cell := new(Value)
	*cell = m.zero(callee.Signature.Results().At(0).Type().(*types.Pointer).Elem())
	if s, ok := (*cell).(structVal); ok && len(s) > 0 {
		s[0] = ch
	}
	t := m.timers[len(m.timers)-1]
	t.cell = cell
	c.result(cell)
}

func afterFuncModel(c *call) {
	m := c.m
	cell := new(Value)
	*cell = m.zero(c.common.Signature().Results().At(0).Type().(*types.Pointer).Elem())
	fn, pos := c.args[1], c.pos
	// A timer made with a time that never comes is made to be Reset later.
	d, known := c.args[0].(int64)
	m.timers = append(m.timers, &timer{name: "the AfterFunc timer fires", active: !known || d < int64(24*time.Hour), refs: []Value{fn}, cell: cell,
		fire: func() { m.spawn(fn, nil, pos) }})
	c.result(cell)
}

func (m *machine) timerOf(p Value) *timer {
	for _, t := range m.timers {
		if t.cell != nil && p == Value(t.cell) {
			return t
		}
	}
	return nil
}

func stopTimerModel(c *call) {
	m := c.m
	t := m.timerOf(c.args[0])
	if t == nil {
		c.result(m.fresh(c.resultType(nil)))
		return
	}
	c.visible(&op{kind: opStep, do: func() Value {
		was := t.active
		t.active = false
		return was
	}})
}

func resetTimerModel(c *call) {
	t := c.m.timerOf(c.args[0])
	if t == nil {
		c.result(c.m.fresh(c.resultType(nil)))
		return
	}
	was := t.active
	t.active = true
	c.result(was)
}

// atomicModels adds the functions and methods of sync/atomic.
func atomicModels(ms map[string]model) {
	for _, t := range []string{"Int32", "Int64", "Uint32", "Uint64", "Uintptr", "Pointer"} {
		for _, op := range []string{"Load", "Store", "Add", "Swap", "CompareAndSwap"} {
			ms["sync/atomic."+op+t] = atomicModel(op, false)
		}
	}
	for _, t := range []string{"Int32", "Int64", "Uint32", "Uint64", "Uintptr", "Bool", "Value", "Pointer[T]"} {
		for _, op := range []string{"Load", "Store", "Add", "Swap", "CompareAndSwap"} {
			ms["(*sync/atomic."+t+")."+op] = atomicModel(op, true)
		}
	}
}

func atomicModel(name string, method bool) model {
	return func(c *call) {
		m := c.m
		var cell *Value
		if method {
			s := m.syncAt(c.args[0])
			if s == nil {
				m.opaque(c, nil)
				return
			}
			if s.val == nil {
				s.val = m.zero(atomicElem(s.typ))
			}
			cell = &s.val
		} else if cell = m.deref(c.args[0]); cell == nil {
			m.stop(pruned)
			return
		}
		var old, val Value
		if len(c.args) > 1 {
			val = c.args[1]
		}
		if len(c.args) > 2 {
			old, val = c.args[1], c.args[2]
		}
		c.visible(&op{kind: opStep, do: func() Value { return m.atomicOp(name, cell, old, val) }})
	}
}

func (m *machine) atomicOp(name string, cell *Value, old, val Value) Value {
	was := *cell
	switch name {
	case "Load":
		return was
	case "Store":
		*cell = val
		return nil
	case "Swap":
		*cell = val
		return was
	case "Add":
		*cell = m.binop(token.ADD, types.Typ[types.Int64], was, val, types.Typ[types.Int64])
		return *cell
	}
	eq, known := m.identical(was, old)
	if !known {
		eq = m.choose(2) == 0
	}
	if eq {
		*cell = val
	}
	return eq
}

// harmless tells whether a function without a body here keeps nothing of what it is given: no argument of it can be
// used by anybody after it has returned.
func harmless(fn *ssa.Function) bool {
	var path string
	switch {
	case fn.Pkg != nil:
		path = fn.Pkg.Pkg.Path()
	case fn.Object() != nil && fn.Object().Pkg() != nil:
		path = fn.Object().Pkg().Path()
	}
	switch path {
	case "fmt", "strings", "strconv", "errors", "math", "math/rand", "math/rand/v2", "unicode", "unicode/utf8",
		"path", "path/filepath", "time", "runtime", "runtime/debug", "sort", "slices", "maps", "bytes", "math/bits":
		return true
	case "log", "testing":
		return !exits(modelName(fn)) && !failsTest(modelName(fn), fn)
	}
	return false
}

// exits tells whether the named function ends the process.
func exits(name string) bool {
	switch name {
	case "os.Exit", "syscall.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "(*log.Logger).Fatal", "(*log.Logger).Fatalf",
		"(*log.Logger).Fatalln", "log.Panic", "log.Panicf", "log.Panicln":
		return true
	}
	return false
}

var testingExits = map[string]bool{"Fatal": true, "Fatalf": true, "FailNow": true, "Skip": true, "Skipf": true, "SkipNow": true}

// failsTest tells whether the function ends a test. What a failed test leaves behind is of no interest.
func failsTest(name string, fn *ssa.Function) bool {
	return strings.Contains(name, "testing.") && testingExits[fn.Name()]
}
