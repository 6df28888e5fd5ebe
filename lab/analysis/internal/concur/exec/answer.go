package exec

import (
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

// answer returns the result, of type t, of a call to the outside. In general each call has another result. But a number, or
// a slice, that bounds a loop is the same each time: a program that starts goroutines while i < runtime.NumCPU(), and
// receives for each of pool.Workers() or job.Parts(), means the same number when it asks again elsewhere.
func (x frame) answer(c *machine.Call, t types.Type) Value {
	if results, ok := t.(*types.Tuple); ok && results.Len() == 1 {
		t = results.At(0).Type()
	}
	if q, ok := pureQuestion(c); ok {
		return x.sameAnswer(q, t)
	}
	q, ok := question(c)
	if !ok || !countable(t) {
		return x.m.Fresh(t)
	}
	eachRound, bounds := c.G.Top().Fn.Bounds[c.Common]
	if u := x.m.Answered(q); u != nil && (u.Asker != c.Common || eachRound) {
		return u
	}
	return x.m.NewAnswer(q, t, c.Common, bounds)
}

// countable tells whether a value of type t says how much there is to do.
func countable(t types.Type) bool {
	_, isSlice := t.Underlying().(*types.Slice)
	return isSlice || facts.IsInteger(t)
}

// question is the formula of a call's answer; false for calls of several arguments.
func question(c *machine.Call) (q facts.Formula, ok bool) {
	if c.Common == nil || len(c.Args) > 1 || c.G.Top() == nil {
		return q, false
	}
	q.Op = facts.Answer
	if f := c.Common.StaticCallee(); f != nil {
		q.X = f
	} else if c.Common.IsInvoke() {
		q.X = c.Common.Method
	} else {
		return q, false
	}
	if len(c.Args) == 1 {
		switch a := c.Args[0].(type) {
		case nil, *facts.Term, *Value, int64, string, bool:
			q.Y = a
		default:
			return q, false
		}
	}
	return q, true
}

// maxPureArgs is the number of arguments of a pure function that are compared.
const maxPureArgs = 4

// pureQuestion is the formula of the answer of a function whose result depends on its arguments only.
func pureQuestion(c *machine.Call) (q facts.Formula, ok bool) {
	var args [maxPureArgs]any
	if c.Common == nil || len(c.Args) == 0 || len(c.Args) > len(args) {
		return q, false
	}
	f := c.Common.StaticCallee()
	if f == nil || !pure(f) {
		return q, false
	}
	for i, a := range c.Args {
		if !facts.Operand(a) {
			return q, false
		}
		args[i] = facts.Plain(a)
	}
	return facts.Formula{Op: facts.Answer, X: f, Y: args}, true
}

// sameAnswer returns what is the same each time q is asked.
func (x frame) sameAnswer(q facts.Formula, t types.Type) Value {
	u := x.m.Expr(q, t)
	results, ok := t.(*types.Tuple)
	if !ok {
		return u
	}
	v := make(heap.Tuple, results.Len())
	for i := range v {
		v[i] = x.m.Field(u, i, results.At(i).Type())
	}
	return v
}

// pure tells whether fn computes its result from its arguments only.
func pure(fn *ssa.Function) bool {
	if fn.Pkg == nil || fn.Signature.Recv() != nil {
		return false
	}
	switch fn.Pkg.Pkg.Path() {
	case "strings", "strconv", "unicode", "unicode/utf8", "math", "math/bits", "path":
		return true
	}
	return false
}

// harmless tells whether a function without a body here keeps nothing of what it is given: no argument of it can be used by
// anybody after it has returned.
func harmless(fn *ssa.Function) bool {
	switch ir.PackagePath(fn) {
	case "fmt", "strings", "strconv", "errors", "math", "math/rand", "math/rand/v2", "unicode", "unicode/utf8", "path",
		"path/filepath", "time", "runtime", "runtime/debug", "sort", "slices", "maps", "bytes", "math/bits", "log", "testing":
		return true
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

// testingExits are the methods of a test that end it. What a failed test leaves behind is of no interest.
var testingExits = map[string]bool{"Fatal": true, "Fatalf": true, "FailNow": true, "Skip": true, "Skipf": true, "SkipNow": true}

func failsTest(fn *ssa.Function) bool {
	return ir.PackagePath(fn) == "testing" && testingExits[fn.Name()]
}

func isTesting(t types.Type) bool {
	path, _ := ir.TypeName(t)
	return path == "testing"
}

var (
	anyType   = types.Universe.Lookup("any").Type()
	errorType = types.Universe.Lookup("error").Type()
)

func isError(t types.Type) bool { return types.Identical(t, errorType) }
