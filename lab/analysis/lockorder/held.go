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
	"golang.org/x/tools/go/types/typeutil"

	"github.com/falsifiable/stability/lab/analysis/internal/docs"
	"github.com/falsifiable/stability/lab/analysis/internal/locks"
	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
	"github.com/falsifiable/stability/lab/analysis/internal/waits"
)

const heldDoc = `find locks that are held over what takes long or may come back

A part of lockorder (docs/guide/whitepaper.md §2.4) with a name of its own, because it learns from other packages by facts:
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
	h := &holder{pass: pass, waits: pass.ResultOf[waits.Analyzer].(waits.Lookup), locks: make(map[locks.Class]*lockUse),
		deeds: newDeeds(), told: make(map[token.Pos]bool)}
	if !h.worthwhile() {
		return nil, nil
	}
	h.fns = ssabuild.Functions(pass)
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
	*deeds
	pass  *analysis.Pass
	waits waits.Lookup
	fns   []*ssa.Function
	locks map[locks.Class]*lockUse
	order []locks.Class
	told  map[token.Pos]bool // of callbacks that were reported
}

// lockUse is what happens under one lock.
type lockUse struct {
	class locks.Class
	takes []*ssa.Function        // functions that take it
	whole map[*ssa.Function]bool // those that take it for themselves alone, not for reading
	slow  []event
	on    map[*ssa.Function][]types.Type // types of other packages whose methods a function calls under it
}

// event is something that takes long or may come back, under a lock.
type event struct {
	pos  token.Pos
	fn   *ssa.Function
	held locks.Held
	what string
	on   types.Type // the type of another package whose method it is; nil for none
}

// worthwhile tells whether some function of the package takes a lock and does something to report, or calls a function that
// calls back. The question is cheap, and saves building the SSA form of most packages.
func (h *holder) worthwhile() bool {
	var locking []map[*types.Func]bool // what functions with locks call
	back := make(map[*types.Func]bool)
	for _, file := range h.pass.Files {
		for _, d := range file.Decls {
			locked, event := false, false
			calls := make(map[*types.Func]bool)
			fd, _ := d.(*ast.FuncDecl)
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
					calls[f.Origin()] = true
				case *types.Var:
					event = true // a function value
					if fd != nil && f.IsField() {
						if fn, ok := h.pass.TypesInfo.Defs[fd.Name].(*types.Func); ok {
							back[fn] = true
						}
					}
				case nil:
					event = true
				}
				return !locked || !event
			})
			if locked && event {
				return true
			}
			if locked {
				locking = append(locking, calls)
			}
		}
	}
	return slices.ContainsFunc(locking, func(calls map[*types.Func]bool) bool {
		for f := range calls {
			if back[f] {
				return true
			}
		}
		return false
	})
}

func (h *holder) use(class locks.Class) *lockUse {
	u := h.locks[class]
	if u == nil {
		u = &lockUse{class: class, whole: make(map[*ssa.Function]bool)}
		h.locks[class] = u
		h.order = append(h.order, class)
	}
	return u
}

// function looks at what f does under locks.
func (h *holder) function(f *ssa.Function) {
	h.walker.Walk(f, func(in ssa.Instruction, s locks.State) {
		c, ok := in.(*ssa.Call)
		if !ok {
			return
		}
		if op := locks.OpOf(c); op.Action != locks.None {
			if class := op.Lock.Class(); op.Action == locks.Take && class != (locks.Class{}) {
				u := h.use(class)
				if !slices.Contains(u.takes, f) {
					u.takes = append(u.takes, f)
				}
				u.whole[f] = u.whole[f] || op.Mode == locks.Exclusive
			}
			return
		}
		if len(s.Must) == 0 {
			return
		}
		h.callbacks(c, s.Must)
		callee := calleeOf(c)
		h.beside(f, c, s.Must)
		switch {
		case callee == nil:
		case callee.FullName() == "(*sync.Cond).Wait" && len(s.Must) > 1:
			h.pass.Report(analysis.Diagnostic{Pos: c.Pos(), Message: fmt.Sprintf(
				"%d locks are held over this Wait, which releases only that of its Cond: whoever is to signal may need the other", len(s.Must)),
				Related: takenAt(s.Must...)})
		case callee.FullName() == "(*sync.WaitGroup).Wait":
			h.waitGroup(c, s.Must)
		default:
			if w := h.waits(callee); w != nil {
				h.note(f, c, s.Must, w.In(callee))
			}
		}
	})
}

// takenAt says where locks were taken.
func takenAt(held ...locks.Held) (out []analysis.RelatedInformation) {
	for _, h := range held {
		if h.Taken != nil {
			out = append(out, analysis.RelatedInformation{Pos: h.Taken.Pos(), Message: h.Lock.String() + " is locked here"})
		}
	}
	return out
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
func (h *holder) note(f *ssa.Function, c *ssa.Call, held []locks.Held, what string) {
	released := h.walker.Touched(c)
	for _, l := range held {
		class := l.Lock.Class()
		if class == (locks.Class{}) || slices.Contains(released, l.Lock) {
			continue
		}
		u := h.use(class)
		if !slices.ContainsFunc(u.slow, func(e event) bool { return e.fn == f }) {
			u.slow = append(u.slow, event{c.Pos(), f, l, what, h.foreign(calleeOf(c))})
		}
	}
}

// beside keeps whose methods f calls under the locks in held. A function that calls one of a connection, of which nothing is
// known, under the lock that is held over the connection's Write elsewhere, has it as long: the lock puts the connection in order.
func (h *holder) beside(f *ssa.Function, c *ssa.Call, held []locks.Held) {
	for _, t := range h.foreigners(c, maxBeside) {
		for _, l := range held {
			if class := l.Lock.Class(); class != (locks.Class{}) {
				u := h.use(class)
				if u.on == nil {
					u.on = make(map[*ssa.Function][]types.Type)
				}
				if !contains(u.on[f], t) {
					u.on[f] = append(u.on[f], t)
				}
			}
		}
	}
}

// maxBeside is how many calls within the package are followed to find whose methods are called.
const maxBeside = 3

// foreigners returns the types of other packages whose methods c calls, itself or a few calls away.
func (h *holder) foreigners(c *ssa.Call, depth int) (out []types.Type) {
	if t := h.foreign(calleeOf(c)); t != nil {
		return []types.Type{t}
	}
	callee := locks.Callee(c)
	if callee == nil || depth == 0 {
		return nil
	}
	for _, b := range callee.Blocks {
		for _, in := range b.Instrs {
			if c, ok := in.(*ssa.Call); ok {
				for _, t := range h.foreigners(c, depth-1) {
					if !contains(out, t) {
						out = append(out, t)
					}
				}
			}
		}
	}
	return out
}

// foreign returns the type of which f is a method, if that is one of another package.
func (h *holder) foreign(f *types.Func) types.Type {
	if f == nil || f.Pkg() == h.pass.Pkg || f.Signature().Recv() == nil {
		return nil
	}
	t := f.Signature().Recv().Type()
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	return t
}

func contains(ts []types.Type, t types.Type) bool {
	return slices.ContainsFunc(ts, func(u types.Type) bool { return types.Identical(u, t) })
}

// slow reports the slow events under one lock, unless the lock is there for them. Those that are the same call in one function
// after the other have one cause, and are one report.
func (h *holder) slow(u *lockUse) {
	var quick []*ssa.Function
	for _, f := range u.takes {
		if !slices.ContainsFunc(u.slow, func(e event) bool { return e.fn == f || e.on != nil && contains(u.on[f], e.on) }) {
			quick = append(quick, f)
		}
	}
	var causes []string
	same := make(map[string][]event)
	for _, e := range u.slow {
		if e.what != "time.Sleep" && (len(quick) < len(u.slow) || len(quick) == 0 || forIO(u.class)) {
			continue
		}
		if same[e.what] == nil {
			causes = append(causes, e.what)
		}
		same[e.what] = append(same[e.what], e)
	}
	for _, what := range causes {
		waits := quick
		if !slices.ContainsFunc(same[what], func(e event) bool { return e.held.Mode == locks.Exclusive }) {
			// Readers do not wait for each other.
			waits = slices.DeleteFunc(slices.Clone(u.takes), func(f *ssa.Function) bool { return !u.whole[f] })
		}
		h.slowCall(same[what], waits)
	}
}

func (h *holder) slowCall(events []event, quick []*ssa.Function) {
	e := events[0]
	who := "whoever else wants the lock"
	if len(quick) > 0 {
		who += ", as " + quick[0].Name() + " does,"
	}
	d := analysis.Diagnostic{Pos: e.pos, Message: e.held.Lock.String() + " is held over " + e.what + ": " + who +
		" waits as long as that takes; do the slow part before, or copy what it needs, unlock, and lock again", Related: takenAt(e.held)}
	if len(events) > 1 {
		d.Message += fmt.Sprintf(" (so in %d places)", len(events))
	}
	if len(quick) > 0 {
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: quick[0].Pos(), Message: quick[0].Name() + " takes the same lock"})
	}
	for _, other := range events[1:] {
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: other.pos, Message: other.fn.Name() + " does the same here"})
	}
	h.pass.Report(d)
}

// purposes are words in the names of locks that put I/O in order, or make sure that something slow happens once.
var purposes = []string{"write", "read", "send", "recv", "receive", "io", "flush", "dial", "conn", "handshake", "file", "disk", "log",
	"out", "in", "save", "load", "reload", "refresh", "fetch", "sync", "serial", "init", "once", "start", "stop", "close", "w", "r"}

// forIO tells by its name whether a lock is there for what is slow.
func forIO(class locks.Class) bool {
	name := class.Field()
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
func (h *holder) waitGroup(wait *ssa.Call, held []locks.Held) {
	group := locks.PlaceOf(wait.Call.Args[0]).Class()
	if group == (locks.Class{}) {
		return
	}
	for _, l := range held {
		class := l.Lock.Class()
		if class == (locks.Class{}) {
			continue
		}
		for _, worker := range h.fns {
			if worker == wait.Parent() { // it has counted itself down by the time it waits
				continue
			}
			if done, takes := h.finishes(worker, group, class); done && takes.IsValid() {
				h.pass.Report(analysis.Diagnostic{Pos: wait.Pos(), Message: l.Lock.String() + " is held over this Wait, and " + worker.Name() +
					", which it waits for, takes the same lock: each waits for the other; unlock before Wait",
					Related: append(takenAt(l), analysis.RelatedInformation{Pos: takes, Message: "the lock is taken here"})})
				return
			}
		}
	}
}

// finishes tells whether f calls Done on the WaitGroup of the class group, and where it takes the lock of the class lock. What
// counts itself under the lock is not counted while somebody else has it.
func (h *holder) finishes(f *ssa.Function, group, lock locks.Class) (done bool, takes token.Pos) {
	var taken *ssa.BasicBlock
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			c, ok := in.(ssa.CallInstruction)
			if !ok {
				continue
			}
			if op := groupCall(c, group); op == "Add" && taken != nil && taken.Dominates(b) {
				return false, token.NoPos
			} else if op == "Done" {
				done = true
			}
			if call, ok := in.(*ssa.Call); ok && !takes.IsValid() {
				for _, d := range h.at(call) {
					if d.calls == nil && len(d.via) <= 1 && d.lock.Class() == lock {
						takes, taken = call.Pos(), b
					}
				}
			}
		}
	}
	return done, takes
}

// groupCall returns the method of the WaitGroup of the class group that c calls, or "".
func groupCall(c ssa.CallInstruction, group locks.Class) string {
	callee := c.Common().StaticCallee()
	if callee == nil || !strings.HasPrefix(callee.RelString(nil), "(*sync.WaitGroup).") || locks.PlaceOf(c.Common().Args[0]).Class() != group {
		return ""
	}
	return callee.Name()
}
