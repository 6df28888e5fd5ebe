package patch

// An Edit inserts text into one declaration of the standard library, without moving a line.
type Edit struct {
	File string // below GOROOT/src
	// Decl is the function, "(*T).Method" or "type T" to edit; Sig its exact signature as go/printer prints it
	// and Directives its //go: lines. An edit which finds anything else refuses: the code is not the one it is for.
	Decl       string
	Sig        string
	Directives []string
	At         Anchor
	// Expr is the expression that AfterStmt, BeforeStmt and Replace look for; it must be there exactly once.
	Expr string
	Text string
}

// Anchor is the place in a declaration where an Edit's text goes.
type Anchor uint8

const (
	// Entry is the start of a function's body.
	Entry Anchor = iota
	// BeforeLast is right before the last statement of a function's body.
	BeforeLast
	// End is right before the closing brace of a function or struct.
	End
	// BeforeStmt and AfterStmt are next to the statement of a function's body that contains Expr.
	BeforeStmt
	AfterStmt
	// Replace replaces Expr.
	Replace
)

// before returns the text of a point.
func before(kind, addr string) string {
	return " if perturbOn != 0 { perturbPoint(" + kind + ", unsafe.Pointer(" + addr + ")) };"
}

// beforeTry is like before, for an operation that may be one that does not block.
func beforeTry(kind, addr string) string {
	return " if perturbOn != 0 { if block { perturbPoint(" + kind + ", unsafe.Pointer(" + addr +
		")) } else { perturbPoint(perturbTry, unsafe.Pointer(" + addr + ")) } };"
}

// Edits are all edits, in the order in which a reader might want to see them: the operations, then what makes them
// replayable, then where the report is written.
//
// Only bodies that may park anyhow carry a point, never under a runtime lock and never one that runs on g0 only.
// chansend1 and its like are left alone: they are nosplit, and reflect goes round them.
var Edits = []Edit{
	{File: "runtime/chan.go", Decl: "chansend",
		Sig: "func(c *hchan, ep unsafe.Pointer, block bool, callerpc uintptr) bool",
		At:  Entry, Text: beforeTry("perturbSend", "c")},
	{File: "runtime/chan.go", Decl: "chanrecv",
		Sig: "func(c *hchan, ep unsafe.Pointer, block bool) (selected, received bool)",
		At:  Entry, Text: beforeTry("perturbRecv", "c")},
	{File: "runtime/chan.go", Decl: "closechan", Sig: "func(c *hchan)",
		At: Entry, Text: before("perturbClose", "c")},
	{File: "runtime/select.go", Decl: "selectgo",
		Sig: "func(cas0 *scase, order0 *uint16, pc0 *uintptr, nsends, nrecvs int, block bool) (int, bool)",
		At:  Entry, Text: " if perturbOn != 0 { perturbSelecting(cas0, nsends+nrecvs) };"},
	{File: "runtime/select.go", Decl: "selectgo",
		Sig: "func(cas0 *scase, order0 *uint16, pc0 *uintptr, nsends, nrecvs int, block bool) (int, bool)",
		At:  Replace, Expr: "cheaprandn(uint32(norder + 1))", Text: "perturbOrder(uint32(norder + 1))"},
	{File: "runtime/proc.go", Decl: "newproc", Sig: "func(fn *funcval)",
		At: End, Text: before("perturbGo", "nil")},
	// The points of locks are in their slow paths, so that the fast ones can be inlined as ever. See perturbFree.
	{File: "internal/sync/mutex.go", Decl: "(*Mutex).Lock", Sig: "func()",
		At: Replace, Expr: "atomic.CompareAndSwapInt32(&m.state, 0, mutexLocked)",
		Text: "atomic.CompareAndSwapInt32(&m.state, perturbFree, mutexLocked)"},
	{File: "internal/sync/mutex.go", Decl: "(*Mutex).lockSlow", Sig: "func()",
		At: Entry, Text: before("perturbLock", "m")},
	{File: "internal/sync/mutex.go", Decl: "(*Mutex).Unlock", Sig: "func()",
		At: Replace, Expr: "new != 0", Text: "new != perturbFree"},
	{File: "internal/sync/mutex.go", Decl: "(*Mutex).unlockSlow", Sig: "func(new int32)",
		At: Entry, Text: before("perturbUnlock", "m")},
	{File: "sync/rwmutex.go", Decl: "(*RWMutex).Lock", Sig: "func()",
		At: Entry, Text: before("perturbWLock", "rw")},
	{File: "sync/rwmutex.go", Decl: "(*RWMutex).Unlock", Sig: "func()",
		At: Entry, Text: before("perturbUnlock", "rw")},
	{File: "sync/rwmutex.go", Decl: "(*RWMutex).RLock", Sig: "func()",
		At: Replace, Expr: "rw.readerCount.Add(1) < 0", Text: "n := rw.readerCount.Add(1); n < perturbReaders"},
	{File: "sync/rwmutex.go", Decl: "(*RWMutex).RLock", Sig: "func()",
		At: Replace, Expr: "runtime_SemacquireRWMutexR(&rw.readerSem, false, 0)", Text: "rw.perturbRLocked(n)"},
	{File: "sync/rwmutex.go", Decl: "(*RWMutex).RUnlock", Sig: "func()",
		At: Replace, Expr: "r < 0", Text: "r < perturbReaders"},
	{File: "sync/rwmutex.go", Decl: "(*RWMutex).rUnlockSlow", Sig: "func(r int32)",
		At: Entry, Text: before("perturbRUnlock", "rw") + " if r >= 0 { return };"},
	{File: "sync/waitgroup.go", Decl: "(*WaitGroup).Add", Sig: "func(delta int)",
		At: Entry, Text: before("perturbAdd", "wg")},
	{File: "sync/waitgroup.go", Decl: "(*WaitGroup).Wait", Sig: "func()",
		At: Entry, Text: before("perturbWait", "wg")},
	// Before the ticket is drawn: a signal between the two is not lost.
	{File: "sync/cond.go", Decl: "(*Cond).Wait", Sig: "func()",
		At: Entry, Text: before("perturbCondWait", "c")},
	{File: "sync/cond.go", Decl: "(*Cond).Signal", Sig: "func()",
		At: Entry, Text: before("perturbSignal", "c")},
	{File: "sync/cond.go", Decl: "(*Cond).Broadcast", Sig: "func()",
		At: Entry, Text: before("perturbSignal", "c")},
	{File: "runtime/sema.go", Decl: "notifyListWait", Sig: "func(l *notifyList, t uint32)",
		Directives: []string{"//go:linkname notifyListWait sync.runtime_notifyListWait"},
		At:         Entry, Text: before("perturbCondWait", "l")},

	{File: "runtime/runtime2.go", Decl: "type g", At: End, Text: "perturb perturbG;"},
	{File: "runtime/proc.go", Decl: "newproc1",
		Sig: "func(fn *funcval, callergp *g, callerpc uintptr, parked bool, waitreason waitReason) *g",
		At:  BeforeLast, Text: "perturbChild(callergp, newg);"},
	{File: "runtime/proc.go", Decl: "runqget", Sig: "func(pp *p) (gp *g, inheritTime bool)",
		At: Entry, Text: " if perturbOn != 0 && perturb.priorities != 0 { return perturbPick(pp), false };"},
	{File: "runtime/time.go", Decl: "timeSleep", Sig: "func(ns int64)",
		Directives: []string{"//go:linkname timeSleep time.Sleep"},
		At:         Entry, Text: " ns = perturbTimer(ns);"},
	{File: "runtime/time.go", Decl: "newTimer",
		Sig:        "func(when, period int64, f func(arg any, seq uintptr, delay int64), arg any, c *hchan) *timeTimer",
		Directives: []string{"//go:linkname newTimer time.newTimer"},
		At:         Entry, Text: " when = perturbTimer(when);"},

	{File: "runtime/proc.go", Decl: "newproc", Sig: "func(fn *funcval)",
		At: Replace, Expr: "runqput(pp, newg, true)", Text: "runqput(pp, newg, perturbNext())"},
	{File: "runtime/chan.go", Decl: "(*waitq).enqueue", Sig: "func(sgp *sudog)",
		At: Entry, Text: " if perturbOn != 0 && perturbEnqueue(q, sgp) { return };"},
	{File: "runtime/sema.go", Decl: "(*semaRoot).queue", Sig: "func(addr *uint32, s *sudog, lifo bool)",
		At: Entry, Text: " lifo = lifo || perturbOn != 0 && perturbAhead();"},
	{File: "runtime/sema.go", Decl: "notifyListWait", Sig: "func(l *notifyList, t uint32)",
		Directives: []string{"//go:linkname notifyListWait sync.runtime_notifyListWait"},
		At:         BeforeStmt, Expr: "l.tail == nil", Text: "if perturbOn != 0 { perturbTickets(l, s) }; "},

	{File: "runtime/traceback.go", Decl: "traceback2",
		Sig: "func(u *unwinder, showRuntime bool, skip, max int) (n, lastN int)",
		At:  Replace, Expr: "iu.fileLine(uf)", Text: "perturbFileLine(iu, uf)"},

	// A garbage collection starts its workers by go and a channel; a point there that sleeps would allocate a timer
	// and so start a collection inside the start of a collection.
	{File: "runtime/mgc.go", Decl: "gcBgMarkStartWorkers", Sig: "func()",
		At: BeforeLast, Text: "getg().perturb.inside++;"},
	{File: "runtime/mgc.go", Decl: "gcBgMarkStartWorkers", Sig: "func()",
		At: End, Text: "getg().perturb.inside--;"},
	// Pointer-free objects below 16 bytes, such as a lone sync.Mutex, share a block, and one that is alive hides the
	// leak of another.
	{File: "runtime/malloc.go", Decl: "mallocgc",
		Sig:        "func(size uintptr, typ *_type, needzero bool) unsafe.Pointer",
		Directives: []string{"//go:linkname mallocgc"},
		At:         Replace, Expr: "size < maxTinySize && gp.secret == 0",
		Text: "size < maxTinySize && gp.secret == 0 && !perturb.configured"},

	// The names of the tests, for who started what.
	{File: "testing/testing.go", Decl: "tRunner", Sig: "func(t *T, fn func(t *T))",
		At: Entry, Text: " perturbTest(t.name);"},
	{File: "testing/testing.go", Decl: "(*common).SkipNow", Sig: "func()",
		At: Entry, Text: " perturbSkip();"},
	{File: "testing/fuzz.go", Decl: "fRunner", Sig: "func(f *F, fn func(*F))",
		At: Entry, Text: " perturbTest(f.name);"},
	{File: "testing/run_example.go", Decl: "runExample", Sig: "func(eg InternalExample) (ok bool)",
		At: Entry, Text: " perturbTest(eg.Name);"},

	{File: "runtime/proc.go", Decl: "main", Sig: "func()",
		At: AfterStmt, Expr: "gcenable()", Text: "; perturbInit()"},
	{File: "runtime/proc.go", Decl: "main", Sig: "func()",
		At: BeforeStmt, Expr: "main_main", Text: "perturbStart(); "},
	{File: "runtime/proc.go", Decl: "runExitHooks", Sig: "func(code int)",
		At: Entry, Text: " perturbExit(code);"},
}
