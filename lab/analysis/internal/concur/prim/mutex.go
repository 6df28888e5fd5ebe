package prim

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

var _ = define(primitive{
	contents: map[string]content{"sync.Mutex": func(_ *heap.Space, _ types.Type, open bool) heap.Content { return &Mutex{open: open} }},
	funcs: map[string]function{
		"(*sync.Mutex).Lock":    {Waits | Locks, lockMutex},
		"(*sync.Mutex).TryLock": {Tries, tryLockMutex},
		"(*sync.Mutex).Unlock":  {0, unlockMutex},
	},
})

// Mutex is a sync.Mutex.
type Mutex struct {
	open   bool // others have it too
	locked bool
	holder *machine.G // who has locked it; it may have ended since
	at     token.Pos
}

// WaitLock is to wait for a Mutex, or for an RWMutex to write.
var WaitLock = &machine.WaitKind{Name: "Lock", Subject: machine.Locks, Weight: 2}

var unlockOfUnlocked = &machine.CrashKind{What: "unlock of unlocked mutex", Subject: machine.Locks}

// Copy copies its state, as an assignment does.
func (x *Mutex) Copy() heap.Content { c := *x; return &c }

// Trace has nothing to follow.
func (x *Mutex) Trace(heap.Tracer) {}

// locker is what a Cond can have as its L.
type locker interface {
	// lockOp is the operation of locking it.
	lockOp(site machine.Site) machine.Op
	// release unlocks it; false if it was not locked.
	release(g *machine.G) bool
}

func (x *Mutex) lockOp(site machine.Site) machine.Op { return &mutexLock{site, x} }

func (x *Mutex) release(*machine.G) bool {
	if !x.locked && !x.open {
		return false
	}
	x.locked, x.holder = false, nil
	return true
}

func (x *Mutex) take(g *machine.G, pos token.Pos) { x.locked, x.holder, x.at = true, g, pos }

func lockMutex(c *machine.Call) {
	if x, ok := at[*Mutex](c); ok {
		c.G.Op = x.lockOp(c.Site())
	}
}

func unlockMutex(c *machine.Call) {
	if x, ok := at[*Mutex](c); ok {
		unlock(c, x)
	}
}

func unlock(c *machine.Call, x locker) { released(c, x, "Unlock %", unlockOfUnlocked) }

// released releases x. Nobody can tell whether others went on before that, other than by TryLock: so it is a step that others
// see only in a package that calls TryLock. Each step multiplies the runs.
func released(c *machine.Call, x locker, text string, misuse *machine.CrashKind) {
	m, g, pos, operand := c.M, c.G, c.Pos, c.Operand()
	release := func() Value {
		if x.release(g) {
			m.Note(g, pos, text, operand)
		} else {
			m.Crashed(g, misuse, pos, token.NoPos)
		}
		return nil
	}
	if survey(m).tries {
		c.Step(release)
	} else if release(); m.Over() == machine.Running {
		c.Result(nil)
	}
}

// triesLocks tells whether a function of fns calls TryLock or the like.
func triesLocks(fns []*ssa.Function) bool {
	for _, f := range fns {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				for _, op := range in.Operands(nil) {
					if callee, ok := (*op).(*ssa.Function); ok && EffectOf(ir.FullName(callee))&Tries != 0 {
						return true
					}
				}
			}
		}
	}
	return false
}

func tryLockMutex(c *machine.Call) {
	x, ok := at[*Mutex](c)
	if !ok {
		return
	}
	g, pos := c.G, c.Pos
	c.Step(func() Value {
		if x.locked {
			return false
		}
		x.take(g, pos)
		return true
	})
}

// mutexLock is Lock.
type mutexLock struct {
	machine.Site
	x *Mutex
}

func (o *mutexLock) Ready(*machine.Machine, *machine.G) machine.Readiness {
	if o.x.locked {
		return machine.Blocked
	}
	return machine.Ready
}

func (o *mutexLock) Perform(m *machine.Machine, g *machine.G) {
	o.x.take(g, o.Pos)
	m.Note(g, o.Pos, "Lock %", o.Operand)
	o.Complete(nil)
}

func (o *mutexLock) Trace(t heap.Tracer) { t.Mark(o.x) }

// Hope tells whether somebody alive may unlock it. A lock is released by who holds it; that the outside can reach it does not
// help when its holder is one of the stuck. If the holder has ended, somebody else may be meant to unlock it.
func (o *mutexLock) Hope(alive machine.Alive, _ *machine.G) bool {
	if !o.x.locked {
		return true
	}
	if h := o.x.holder; h != nil && !h.Done {
		return alive.Goroutine(h)
	}
	return o.x.open || alive.Has(o.x)
}

func (o *mutexLock) Wait(*machine.Machine, *machine.G) machine.Wait {
	return machine.Wait{Kind: WaitLock, Other: o.x.at, Holder: o.x.holder}
}

// lockerOf returns the lock in a sync.Locker, or nil.
func lockerOf(v Value) locker {
	i, ok := v.(heap.Iface)
	if !ok {
		return nil
	}
	if l, ok := i.Val.(locker); ok {
		return l
	}
	c, ok := i.Val.(*Value)
	if !ok {
		return nil
	}
	if l, ok := (*c).(locker); ok {
		return l
	}
	st, _ := (*c).(heap.Struct)
	for _, f := range st { // a struct that embeds its lock
		if l, ok := f.(locker); ok {
			return l
		}
	}
	return nil
}
