// Package ends knows which functions never return to their caller, and what they end instead: the program, the goroutine or
// the test. For a function with a body that is computed; the rest is a table.
package ends

import (
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// What a call ends.
type What int

const (
	Nothing   What = iota // it may return
	Panics                // it unwinds the goroutine: who recovers may go on
	Goroutine             // runtime.Goexit, and what tests do with it
	Program
)

// Knowledge remembers what it finds out about the functions of one package. The zero value is ready. It is not safe for
// concurrent use.
type Knowledge struct {
	known map[*ssa.Function]What
	busy  map[*ssa.Function]bool
}

// Call tells what c ends on every path through its callee.
func (k *Knowledge) Call(c ssa.CallInstruction) What {
	common := c.Common()
	if common.IsInvoke() {
		return byName(common.Method)
	}
	f := common.StaticCallee()
	if f == nil {
		return Nothing
	}
	if f.Origin() != nil {
		f = f.Origin()
	}
	if len(f.Blocks) > 0 {
		return k.Function(f)
	}
	if m, ok := f.Object().(*types.Func); ok {
		return byName(m)
	}
	return Nothing
}

// Function tells what f ends instead of returning. Of a recursion it is assumed that it returns.
func (k *Knowledge) Function(f *ssa.Function) What {
	if w, ok := k.known[f]; ok {
		return w
	}
	if k.busy[f] || len(f.Blocks) == 0 {
		return Nothing
	}
	if k.known == nil {
		k.known, k.busy = make(map[*ssa.Function]What), make(map[*ssa.Function]bool)
	}
	k.busy[f] = true
	w := k.follow(f)
	delete(k.busy, f)
	k.known[f] = w
	return w
}

// follow looks through all paths of f: one that returns settles it, and of several endings the mildest counts.
func (k *Knowledge) follow(f *ssa.Function) What {
	worst := Nothing
	end := func(w What) {
		if worst == Nothing || w < worst {
			worst = w
		}
	}
	seen := map[*ssa.BasicBlock]bool{f.Blocks[0]: true}
	work := []*ssa.BasicBlock{f.Blocks[0]}
	for len(work) > 0 {
		b := work[0]
		work = work[1:]
		over := false
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Return:
				return Nothing
			case *ssa.Panic:
				end(Panics)
			case *ssa.Call:
				if w := k.Call(in); w != Nothing {
					end(w)
					over = true
				}
			}
			if over {
				break
			}
		}
		if over {
			continue
		}
		for _, s := range b.Succs {
			if !seen[s] {
				seen[s] = true
				work = append(work, s)
			}
		}
	}
	if worst == Panics && f.Recover != nil {
		return Nothing // somebody deferred may recover, and then f returns
	}
	return worst
}

// table lists, by package, the functions without a body here that end something; methods with the name of their type.
var table = map[string]map[string]What{
	"os":      {"Exit": Program},
	"syscall": {"Exit": Program},
	"runtime": {"Goexit": Goroutine},
	"log": {"Fatal": Program, "Fatalf": Program, "Fatalln": Program, "Panic": Panics, "Panicf": Panics, "Panicln": Panics,
		"Logger.Fatal": Program, "Logger.Fatalf": Program, "Logger.Fatalln": Program, "Logger.Panic": Panics, "Logger.Panicf": Panics, "Logger.Panicln": Panics},
	"testing": {"common.FailNow": Goroutine, "common.Fatal": Goroutine, "common.Fatalf": Goroutine, "common.Skip": Goroutine, "common.Skipf": Goroutine,
		"common.SkipNow": Goroutine, "TB.FailNow": Goroutine, "TB.Fatal": Goroutine, "TB.Fatalf": Goroutine, "TB.Skip": Goroutine, "TB.Skipf": Goroutine, "TB.SkipNow": Goroutine},
}

// byName looks a function without a body up: in the table, or by what loggers and assertion packages agree to call such
// functions, as whole names.
func byName(f *types.Func) What {
	if f.Pkg() == nil {
		return Nothing
	}
	name, recv := f.Name(), ""
	if r := f.Signature().Recv(); r != nil {
		t := r.Type()
		if p, ok := types.Unalias(t).(*types.Pointer); ok {
			t = p.Elem()
		}
		if n, ok := types.Unalias(t).(*types.Named); ok {
			recv = n.Obj().Name()
		}
		name = recv + "." + name
	}
	if names := table[f.Pkg().Path()]; names != nil {
		return names[name]
	}
	switch {
	case slices.Contains([]string{"Fatal", "Fatalf", "Fatalln", "Fatalw", "FatalContext", "FatalDepth", "FatalfDepth"}, f.Name()):
		return Program
	case slices.Contains([]string{"Panic", "Panicf", "Panicln", "Panicw"}, f.Name()):
		return Panics
	case f.Name() == "FailNow":
		return Goroutine
	case slices.Contains([]string{"Exit", "Exitf", "Exitln", "ExitDepth"}, f.Name()) && strings.Contains(f.Pkg().Name(), "log"):
		return Program
	}
	return Nothing
}
