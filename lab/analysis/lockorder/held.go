package lockorder

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/falsifiable/stability/lab/analysis/internal/docs"
	"github.com/falsifiable/stability/lab/analysis/internal/locks"
	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
	"github.com/falsifiable/stability/lab/analysis/internal/waits"
)

const heldDoc = `find locks that are held over what takes long or may come back

A part of lockorder (whitepaper §2.4, demand R41) with a name of its own, because it learns from other packages by facts:
go vet runs an analyzer with facts on every dependency, and the search of lockorder is too dear for that.

It reports a mutex held over network or disk I/O, a database, another process, or time.Sleep, also when that happens a few
calls away and in another package; over WaitGroup.Wait for a goroutine that needs the same mutex; over the Wait of a Cond
that releases another one; and over a call of a function that others have registered, also by an option, which may call back
and wait for the mutex that its caller holds. Functions that write logs, count, or tell the time are not meant.

A mutex that is there to put I/O in order is not meant: one whose name says so (writeMu, sendLock), or that is held over
I/O in more places than not.

Mending: do the slow part first, or copy what it needs, unlock, and lock again for the result.`

// Held reports locks held over waiting and callbacks.
var Held = &analysis.Analyzer{
	Name:     "lockorder_held",
	Doc:      heldDoc,
	URL:      docs.URL("lockorder"),
	Requires: []*analysis.Analyzer{ssabuild.Analyzer, waits.Analyzer},
	Run:      runHeld,
}

func runHeld(pass *analysis.Pass) (any, error) {
	h := &holder{pass: pass, waits: pass.ResultOf[waits.Analyzer].(waits.Lookup), locks: make(map[string]*lockUse),
		walker: locks.NewWalker()}
	if !h.worthwhile() {
		return nil, nil
	}
	for _, f := range ssabuild.Of(pass).SrcFuncs {
		if !strings.HasSuffix(pass.Fset.Position(f.Pos()).Filename, "_test.go") {
			h.collect(f)
		}
	}
	for _, f := range h.fns {
		h.function(f)
	}
	for _, class := range h.order {
		h.slow(h.locks[class])
	}
	return nil, nil
}

// holder gathers what happens under the locks of one package.
type holder struct {
	pass  *analysis.Pass
	waits waits.Lookup
	fns   []*ssa.Function
	locks map[string]*lockUse
	order []string

	walker *locks.Walker
}

// lockUse is what happens under one lock.
type lockUse struct {
	class string
	takes []*ssa.Function // functions that take it
	slow  []event
}

// event is something that takes long or may come back, under a lock.
type event struct {
	pos  token.Pos
	fn   *ssa.Function
	path string // of the lock, as the function names it
	what string
}

// worthwhile tells whether some function of the package both takes a lock and does something to report. The question is
// cheap, and saves building the SSA form of most packages.
func (h *holder) worthwhile() bool {
	for _, file := range h.pass.Files {
		for _, d := range file.Decls {
			locked, event := false, false
			ast.Inspect(d, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				switch f := typeutil.Callee(h.pass.TypesInfo, call).(type) {
				case *types.Func:
					name := f.FullName()
					locked = locked || strings.HasPrefix(name, "(*sync.") && strings.HasSuffix(name, "Lock")
					event = event || h.waits(f) != nil || name == "(*sync.WaitGroup).Wait" || name == "(*sync.Cond).Wait"
				case *types.Var:
					event = true // a function value
				case nil:
					event = true
				}
				return !locked || !event
			})
			if locked && event {
				return true
			}
		}
	}
	return false
}

func (h *holder) collect(f *ssa.Function) {
	h.fns = append(h.fns, f)
	for _, a := range f.AnonFuncs {
		h.collect(a)
	}
}

func (h *holder) use(class string) *lockUse {
	u := h.locks[class]
	if u == nil {
		u = &lockUse{class: class}
		h.locks[class] = u
		h.order = append(h.order, class)
	}
	return u
}

// function looks at what f does under locks.
func (h *holder) function(f *ssa.Function) {
	h.walker.Walk(f, func(in ssa.Instruction, held []string) {
		c, ok := in.(*ssa.Call)
		if !ok || len(held) == 0 {
			return
		}
		if lock, _, _ := locks.Call(c); lock != "" {
			if class, _ := locks.Class(f, lock); class != "" {
				if u := h.use(class); !slices.Contains(u.takes, f) {
					u.takes = append(u.takes, f)
				}
			}
			return
		}
		callee := calleeOf(c)
		switch {
		case callee == nil:
			h.callback(f, c, held)
		case callee.FullName() == "(*sync.Cond).Wait" && len(held) > 1:
			h.pass.Reportf(c.Pos(), "%d locks are held over this Wait, which releases only that of its Cond: whoever is to signal may need the other", len(held))
		case callee.FullName() == "(*sync.WaitGroup).Wait":
			h.waitGroup(f, c, held)
		default:
			if w := h.waits(callee); w != nil {
				h.note(f, c, held, w.In(callee))
			}
		}
	})
}

// calleeOf returns the function or the interface's method that c calls, nil for a function value.
func calleeOf(c *ssa.Call) *types.Func {
	if c.Call.IsInvoke() {
		return c.Call.Method
	}
	if s := c.Call.StaticCallee(); s != nil {
		if s.Origin() != nil {
			s = s.Origin()
		}
		f, _ := s.Object().(*types.Func)
		return f
	}
	return nil
}

// note keeps that something slow happens under the locks in held.
func (h *holder) note(f *ssa.Function, c *ssa.Call, held []string, what string) {
	released := h.walker.Released(c)
	for _, path := range held {
		class, _ := locks.Class(f, path)
		if class == "" || slices.Contains(released, path) {
			continue
		}
		u := h.use(class)
		if !slices.ContainsFunc(u.slow, func(e event) bool { return e.fn == f }) {
			u.slow = append(u.slow, event{c.Pos(), f, path, what})
		}
	}
}

// slow reports the slow events under one lock, unless the lock is there for them.
func (h *holder) slow(u *lockUse) {
	var quick []*ssa.Function
	for _, f := range u.takes {
		if !slices.ContainsFunc(u.slow, func(e event) bool { return e.fn == f }) {
			quick = append(quick, f)
		}
	}
	for _, e := range u.slow {
		if e.what != "time.Sleep" && (len(quick) < len(u.slow) || len(quick) == 0 || forIO(u.class)) {
			continue
		}
		d := analysis.Diagnostic{Pos: e.pos, Message: strings.TrimPrefix(e.path, "@") + " is held over " + e.what +
			": whoever else wants the lock waits as long as that takes; do the slow part before, or copy what it needs, unlock, and lock again"}
		if len(quick) > 0 {
			d.Message = strings.Replace(d.Message, "whoever else wants the lock", "whoever else wants the lock, as "+quick[0].Name()+" does,", 1)
			d.Related = []analysis.RelatedInformation{{Pos: quick[0].Pos(), Message: quick[0].Name() + " takes the same lock for a short time"}}
		}
		h.pass.Report(d)
	}
}

// purposes are words in the names of locks that put I/O in order, or make sure that something slow happens once.
var purposes = []string{"write", "read", "send", "recv", "receive", "io", "flush", "dial", "conn", "handshake", "file", "disk", "log",
	"out", "in", "save", "load", "reload", "refresh", "fetch", "sync", "serial", "init", "once", "start", "stop", "close", "w", "r"}

// forIO tells by its name whether a lock is there for what is slow.
func forIO(class string) bool {
	name := class[strings.LastIndexAny(class, ".@")+1:]
	for _, suffix := range []string{"Mutex", "Mtx", "Lock", "Lk", "Mux", "Mu", "mutex", "mtx", "lock", "mu"} {
		if rest, ok := strings.CutSuffix(name, suffix); ok {
			name = rest
			break
		}
	}
	first := len(name) // the first word, in lower case
	for i, r := range name {
		if i > 0 && (r == '_' || r >= 'A' && r <= 'Z') {
			first = i
			break
		}
	}
	return slices.Contains(purposes, strings.ToLower(name[:first]))
}

// waitGroup reports a Wait under a lock that a counted goroutine takes before it is done.
func (h *holder) waitGroup(f *ssa.Function, wait *ssa.Call, held []string) {
	group, _ := locks.Class(f, locks.Path(wait.Call.Args[0]))
	if group == "" {
		return
	}
	for _, path := range held {
		class, _ := locks.Class(f, path)
		if class == "" {
			continue
		}
		for _, worker := range h.fns {
			if done, takes := h.finishes(worker, group, class); done && takes.IsValid() {
				h.pass.Report(analysis.Diagnostic{Pos: wait.Pos(), Message: path + " is held over this Wait, and " + worker.Name() +
					", which it waits for, takes the same lock: each waits for the other",
					Related: []analysis.RelatedInformation{{Pos: takes, Message: "the lock is taken here"}}})
				return
			}
		}
	}
}

// finishes tells whether f calls Done on the WaitGroup of the class group, and where it takes the lock of the class lock.
func (h *holder) finishes(f *ssa.Function, group, lock string) (done bool, takes token.Pos) {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			c, ok := in.(ssa.CallInstruction)
			if !ok {
				continue
			}
			if callee := c.Common().StaticCallee(); callee != nil && callee.RelString(nil) == "(*sync.WaitGroup).Done" {
				class, _ := locks.Class(f, locks.Path(c.Common().Args[0]))
				done = done || class == group
			}
			if call, ok := in.(*ssa.Call); ok && !takes.IsValid() {
				if path, _, _ := locks.Call(call); path != "" {
					if class, _ := locks.Class(f, path); class == lock {
						takes = call.Pos()
					}
				} else if h.takesInside(call, lock) {
					takes = call.Pos()
				}
			}
		}
	}
	return done, takes
}

// takesInside tells whether the callee of c takes the lock itself.
func (h *holder) takesInside(c *ssa.Call, lock string) bool {
	f := callee(c)
	return f != nil && takes(f, lock)
}
