// Package prim knows what the primitives of concurrency do: channels, locks, WaitGroups, contexts, timers and others, each in
// a file of its own. For each of its operations a primitive answers two questions: is it ready, and what happens when it is
// performed; and a third for the judge: who could let a goroutine go on that waits in it.
//
// A new primitive is one file, which calls define, and a litmus program in testdata/litmus that says which outcomes Go allows.
package prim

import (
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

// Value is a value of the model.
type Value = heap.Value

// Effect is what calling a function may do, as far as that matters for whether to explore its callers.
type Effect uint8

// The effects.
const (
	Waits  Effect = 1 << iota // for another goroutine
	Starts                    // a goroutine
	Makes                     // something that goroutines can wait for
	Locks                     // takes something that others wait for
	Tries                     // takes it only if nobody has it
)

// function is a function of a primitive.
type function struct {
	effect Effect
	model  machine.Model
}

// content makes the content of a cell of type t. If open is set, others have the cell too, and it may be in any state.
type content func(s *heap.Space, t types.Type, open bool) heap.Content

// primitive is what one file defines.
type primitive struct {
	contents map[string]content // by the name of the type, such as "sync.Mutex"
	funcs    map[string]function
}

var (
	contents = make(map[string]content)
	funcs    = make(map[string]function)
)

// define adds a primitive.
func define(p primitive) struct{} {
	for name, c := range p.contents {
		if contents[name] != nil {
			panic("prim: type " + name + " is defined twice")
		}
		contents[name] = c
	}
	for name, f := range p.funcs {
		if _, twice := funcs[name]; twice {
			panic("prim: function " + name + " is defined twice")
		}
		funcs[name] = f
	}
	return struct{}{}
}

// Models returns the models of all functions, by their full names.
func Models() map[string]machine.Model {
	models := make(map[string]machine.Model, len(funcs))
	for name, f := range funcs {
		models[name] = f.model
	}
	return models
}

// Knows tells whether the function of that name is a primitive's.
func Knows(name string) bool { return funcs[name].model != nil }

// EffectOf returns what calling the function of that name may do; 0 for one that is no primitive's.
func EffectOf(name string) Effect { return funcs[name].effect }

// Contents returns the function that makes the content of cells in s. See [heap.Space.Primitive].
func Contents(s *heap.Space) func(t types.Type, open bool) heap.Content {
	return func(t types.Type, open bool) heap.Content {
		path, name := ir.TypeName(t)
		if c := contents[path+"."+name]; c != nil {
			return c(s, t, open)
		}
		return nil
	}
}

// Survey is what is known about a package as a whole.
type Survey struct {
	condsSignaled bool                     // see mayBeSignaled
	writers       map[types.Object]*writer // by the RWMutex, a global variable or a field
	tries         bool                     // somebody looks whether a lock is held; see triesLocks
	chans         map[types.Object]*ir.ChanUse
	counted       map[ssa.Value]bool // see ir.Counted
}

// SurveyOf looks at the functions of pkg.
func SurveyOf(pkg *types.Package, fns []*ssa.Function) *Survey {
	return &Survey{condsSignaled: mayBeSignaled(pkg, fns), writers: writersOf(fns), tries: triesLocks(fns), chans: ir.ChanUses(fns), counted: make(map[ssa.Value]bool)}
}

func survey(m *machine.Machine) *Survey { return m.Survey.(*Survey) }

// at returns the content of type T that the first argument of c points to. Where there is none, the call ends as one of
// which nothing is known.
func at[T heap.Content](c *machine.Call) (v T, ok bool) {
	v, ok = c.M.ContentAt(c.Args[0]).(T)
	if !ok {
		c.Opaque()
	}
	return v, ok
}

// integer is v if that is a known integer.
func integer(v Value) (int64, bool) {
	n, ok := facts.Plain(v).(int64)
	return n, ok
}

// anyType and errorType are those of the universe.
var (
	anyType   = types.Universe.Lookup("any").Type()
	errorType = types.Universe.Lookup("error").Type()
)
