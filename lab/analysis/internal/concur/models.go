package concur

import (
	"go/token"
	"go/types"
	"maps"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// model replaces the body of a function of the standard library.
type model func(c *call)

// modelName is the name under which models knows fn.
func modelName(fn *ssa.Function) string {
	if s := fn.Synthetic; strings.HasPrefix(s, "wrapper") || strings.HasPrefix(s, "bound") || strings.HasPrefix(s, "thunk") {
		return "" // it has a body, which calls the function that it wraps
	}
	if o := fn.Origin(); o != nil {
		fn = o
	}
	if fn.Pkg == nil && fn.Object() == nil {
		return ""
	}
	if obj, ok := fn.Object().(*types.Func); ok {
		return obj.FullName()
	}
	return fn.RelString(nil)
}

// modelTable returns the models by the full name of the function that each replaces.
func modelTable() map[string]model {
	models := map[string]model{
		"(*sync.Mutex).Lock":       lockModel,
		"(*sync.Mutex).Unlock":     unlockModel,
		"(*sync.Mutex).TryLock":    tryLockModel,
		"(*sync.RWMutex).Lock":     lockModel,
		"(*sync.RWMutex).Unlock":   unlockModel,
		"(*sync.RWMutex).TryLock":  tryLockModel,
		"(*sync.RWMutex).RLock":    rlockModel,
		"(*sync.RWMutex).RUnlock":  runlockModel,
		"(*sync.RWMutex).RLocker":  rlockerModel,
		"(*sync.WaitGroup).Add":    addModel,
		"(*sync.WaitGroup).Done":   addModel,
		"(*sync.WaitGroup).Wait":   waitModel,
		"(*sync.WaitGroup).Go":     goModel,
		"(*sync.Once).Do":          onceModel,
		"sync.NewCond":             newCondModel,
		"(*sync.Cond).Wait":        condWaitModel,
		"(*sync.Cond).Signal":      signalModel,
		"(*sync.Cond).Broadcast":   signalModel,
		"time.Sleep":               sleepModel,
		"runtime.Gosched":          yieldModel,
		"runtime.Goexit":           func(c *call) { c.m.goexit(c.g) },
		"time.After":               afterModel,
		"time.NewTimer":            newTimerModel,
		"time.NewTicker":           newTimerModel,
		"time.Tick":                afterModel,
		"time.AfterFunc":           afterFuncModel,
		"(*time.Timer).Stop":       stopTimerModel,
		"(*time.Timer).Reset":      resetTimerModel,
		"(*time.Ticker).Stop":      stopTimerModel,
		"(*time.Ticker).Reset":     resetTimerModel,
		"context.Background":       rootCtxModel,
		"context.TODO":             rootCtxModel,
		"context.WithCancel":       withCancelModel,
		"context.WithCancelCause":  withCancelModel,
		"context.WithTimeout":      withTimeoutModel,
		"context.WithDeadline":     withTimeoutModel,
		"context.WithTimeoutCause": withTimeoutModel,
		"context.WithValue":        withValueModel,
		"context.WithoutCancel":    rootCtxModel,
		"errors.New":               newErrorModel,
		"fmt.Errorf":               newErrorModel,
	}
	for _, name := range []string{"ReadFull", "ReadAtLeast", "ReadAll", "Copy", "CopyN"} {
		models["io."+name] = readModel
	}
	atomicModels(models)
	maps.Copy(models, errgroupModels())
	return models
}

// syncAt returns the synchronization object that p points to, or nil.
func (m *machine) syncAt(p Value) *Sync {
	c := m.deref(p)
	if c == nil {
		m.stop(pruned)
		return nil
	}
	if s, ok := (*c).(*Sync); ok {
		return s
	}
	if u, ok := (*c).(*unknown); ok {
		if s, ok := m.symbolic(u.typ).(*Sync); ok {
			*c = s
			return s
		}
	}
	if r, ok := (*c).(*rlocker); ok {
		return r.of
	}
	return nil
}

func lockModel(c *call) {
	if s := c.m.syncAt(c.args[0]); s != nil {
		c.visible(&op{kind: opLock, s: s, name: "Lock"})
		return
	}
	c.result(nil)
}

func rlockModel(c *call) {
	if s := c.m.syncAt(c.args[0]); s != nil {
		c.visible(&op{kind: opRLock, s: s, name: "RLock"})
		c.m.intrude(c.g, c.g.op)
		return
	}
	c.result(nil)
}

func unlockModel(c *call) {
	s := c.m.syncAt(c.args[0])
	if s == nil {
		c.result(nil)
		return
	}
	if !s.locked && !s.open {
		c.m.crashed(c.g, c.pos, "unlock of unlocked mutex", token.NoPos)
		return
	}
	s.locked, s.writer = false, nil
	c.m.note(c.g, c.pos, "Unlock "+describe(c.operand()))
	c.result(nil)
}

func runlockModel(c *call) {
	s := c.m.syncAt(c.args[0])
	if s == nil {
		c.result(nil)
		return
	}
	if len(s.readers) == 0 && !s.open {
		c.m.crashed(c.g, c.pos, "RUnlock of unlocked RWMutex", token.NoPos)
		return
	}
	drop := len(s.readers) - 1
	for i, h := range s.readers {
		if h.g == c.g {
			drop = i
		}
	}
	if drop >= 0 {
		s.readers = append(s.readers[:drop:drop], s.readers[drop+1:]...)
	}
	c.m.note(c.g, c.pos, "RUnlock "+describe(c.operand()))
	c.result(nil)
}

func tryLockModel(c *call) {
	s := c.m.syncAt(c.args[0])
	if s == nil {
		c.result(c.m.newUnknown(types.Typ[types.Bool]))
		return
	}
	g, pos := c.g, c.pos
	c.visible(&op{kind: opStep, do: func() Value {
		if s.locked || len(s.readers) > 0 {
			return false
		}
		s.locked, s.writer, s.at = true, g, pos
		return true
	}})
}

func rlockerModel(c *call) {
	s := c.m.syncAt(c.args[0])
	if s == nil {
		c.m.opaque(c, nil)
		return
	}
	c.result(iface{types.NewPointer(s.typ), &rlocker{s}})
}

func addModel(c *call) {
	s := c.m.syncAt(c.args[0])
	if s == nil {
		c.result(nil)
		return
	}
	number := Value(int64(-1))
	if len(c.args) > 1 {
		number = c.args[1]
	}
	m, g, pos, obj := c.m, c.g, c.pos, c.operand()
	c.visible(&op{kind: opStep, do: func() Value {
		n := m.delta(number)
		s.count += n
		if n == uncounted {
			m.note(g, pos, "Add to "+describe(obj))
		} else {
			m.note(g, pos, "Add("+itoa(int(n))+") to "+describe(obj))
		}
		if s.count < 0 {
			if !s.open {
				m.crashed(g, pos, "negative WaitGroup counter", token.NoPos)
			}
			s.count = 0
		}
		return nil
	}})
}

func waitModel(c *call) {
	if s := c.m.syncAt(c.args[0]); s != nil {
		c.visible(&op{kind: opWait, s: s, name: "WaitGroup.Wait"})
		return
	}
	c.result(nil)
}

func goModel(c *call) {
	s := c.m.syncAt(c.args[0])
	if s == nil {
		c.m.opaque(c, nil)
		return
	}
	s.count++
	g := c.m.spawn(c.args[1], nil, c.pos)
	g.counts = s
	c.result(nil)
}

func onceModel(c *call) {
	s := c.m.syncAt(c.args[0])
	if s == nil {
		c.m.opaque(c, nil)
		return
	}
	m, g, fn, done := c.m, c.g, c.args[1], c.done
	pos := c.pos
	var run func() Value
	run = func() Value {
		if s.onces == 2 {
			if done != nil {
				done(nil)
			}
			return nil
		}
		s.onces, s.runner, s.at = 1, g, pos
		m.invoke(&call{m: m, g: g, pos: pos, done: func(Value) {
			s.onces = 2
			if done != nil {
				done(nil)
			}
		}}, fn)
		return nil
	}
	c.visible(&op{kind: opOnce, s: s, do: run, name: "Once.Do"})
}

func newCondModel(c *call) {
	cell := new(Value)
	s := &Sync{kind: "Cond", L: c.args[0]}
	*cell = s
	c.result(cell)
}

// lockerOf returns the lock behind a sync.Locker and whether it is locked for reading.
func (m *machine) lockerOf(l Value) (*Sync, bool) {
	i, ok := l.(iface)
	if !ok {
		return nil, false
	}
	if r, ok := i.val.(*rlocker); ok {
		return r.of, true
	}
	if c, ok := i.val.(*Value); ok {
		if s, ok := (*c).(*Sync); ok {
			return s, false
		}
		if st, ok := (*c).(structVal); ok && len(st) > 0 { // a struct that embeds its lock
			for _, f := range st {
				if s, ok := f.(*Sync); ok && strings.HasSuffix(s.kind, "Mutex") {
					return s, false
				}
			}
		}
	}
	return nil, false
}

func condWaitModel(c *call) {
	cond := c.m.syncAt(c.args[0])
	if cond == nil {
		c.result(nil)
		return
	}
	l, read := c.m.lockerOf(cond.L)
	if l == nil || cond.open {
		c.visible(&op{kind: opLazy})
		return
	}
	m, g := c.m, c.g
	o := &op{kind: opUnlocked, s: cond, name: "Cond.Wait", val: read, do: func() Value {
		if read {
			for i, h := range l.readers {
				if h.g == g {
					l.readers = append(l.readers[:i:i], l.readers[i+1:]...)
					break
				}
			}
		} else {
			if !l.locked {
				m.crashed(g, c.pos, "Cond.Wait without the lock", token.NoPos)
				return nil
			}
			l.locked, l.writer = false, nil
		}
		cond.waiters = append(cond.waiters, g)
		m.note(g, c.pos, "waits on "+describe(c.operand()))
		return nil
	}}
	c.visible(o)
}

func signalModel(c *call) {
	cond := c.m.syncAt(c.args[0])
	if cond == nil {
		c.result(nil)
		return
	}
	all := c.common == nil || c.common.StaticCallee() == nil || c.common.StaticCallee().Name() == "Broadcast"
	m, g, pos, obj := c.m, c.g, c.pos, c.operand()
	c.visible(&op{kind: opStep, do: func() Value {
		m.note(g, pos, "signals "+describe(obj))
		for len(cond.waiters) > 0 {
			w := cond.waiters[0]
			cond.waiters = cond.waiters[1:]
			m.wake(w, cond)
			if !all {
				break
			}
		}
		return nil
	}})
}

// wake makes a waiter of cond take the lock again.
func (m *machine) wake(w *G, cond *Sync) {
	o := w.op
	if o == nil || o.kind != opCond {
		return
	}
	l, read := m.lockerOf(cond.L)
	if l == nil {
		w.op = &op{kind: opStep, done: o.done}
		return
	}
	kind := opLock
	if read {
		kind = opRLock
	}
	w.op = &op{kind: kind, s: l, done: o.done, pos: o.pos, name: "Lock", object: o.object, relock: true}
}

func sleepModel(c *call) { c.visible(&op{kind: opLazy}) }
func yieldModel(c *call) { c.visible(&op{kind: opYield}) }

func newErrorModel(c *call) {
	cell := new(Value)
	*cell = c.m.newUnknown(types.Typ[types.String])
	c.result(iface{errorString, cell})
}

// errorString stands for the dynamic type of errors made by errors.New and fmt.Errorf.
var errorString = types.NewPointer(types.NewNamed(types.NewTypeName(token.NoPos, nil, "errorString", nil),
	types.NewStruct(nil, nil), nil))

// special calls method name of a value that only the model knows.
func special(c *call, recv Value, name string) bool {
	switch r := recv.(type) {
	case *rlocker:
		c.args = []Value{func() *Value { v := Value(r.of); return &v }()}
		if name == "Lock" {
			rlockModel(c)
		} else {
			runlockModel(c)
		}
		return true
	case *ctxVal:
		ctxMethod(c, r, name)
		return true
	case *Value:
		if u, ok := (*r).(*unknown); ok && name == "Error" {
			c.result(u)
			return true
		}
	}
	return false
}

// readModel is a function that reads from an io.Reader: it calls Read once.
func readModel(c *call) {
	r := c.args[0]
	if c.common != nil && strings.HasPrefix(c.common.StaticCallee().Name(), "Copy") {
		r = c.args[1]
	}
	i, ok := r.(iface)
	if !ok {
		c.m.opaque(c, nil)
		return
	}
	sel := c.m.prog.pkg.Prog.MethodSets.MethodSet(i.typ).Lookup(nil, "Read")
	if sel == nil {
		c.m.opaque(c, nil)
		return
	}
	fn := c.m.prog.pkg.Prog.MethodValue(sel)
	if fn == nil || len(fn.Blocks) == 0 {
		c.m.opaque(c, nil)
		return
	}
	result := c.m.fresh(c.resultType(nil))
	done := c.done
	c.m.enter(&call{m: c.m, g: c.g, pos: c.pos, args: []Value{i.val, c.m.newUnknown(types.NewSlice(types.Typ[types.Byte]))},
		done: func(Value) {
			if done != nil {
				done(result)
			}
		}}, fn, nil)
}
