package torncfg

import (
	_ "embed"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/docs"
	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
)

//go:embed doc.go
var doc string

// Analyzer reports configuration that is changed where it is shared.
var Analyzer = &analysis.Analyzer{
	Name:     "torncfg",
	Doc:      docs.Extract(doc),
	URL:      docs.URL("torncfg"),
	Requires: []*analysis.Analyzer{ssabuild.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	prog := ssabuild.Of(pass)
	v, k := &viper{}, &koanf{}
	var visit func(*ssa.Function)
	visit = func(f *ssa.Function) {
		if strings.HasSuffix(pass.Fset.Position(f.Pos()).Filename, "_test.go") {
			return
		}
		snapshots(pass, f)
		v.function(f)
		k.function(f)
		for _, a := range f.AnonFuncs {
			visit(a)
		}
	}
	for _, f := range prog.SrcFuncs {
		visit(f)
	}
	k.report(pass)
	if v.watch.IsValid() && v.get.IsValid() {
		pass.Report(analysis.Diagnostic{Pos: v.watch,
			Message: "viper.WatchConfig rewrites the maps that viper.Get reads, without a lock: read the configuration into a struct in OnConfigChange and store it in an atomic.Pointer",
			Related: []analysis.RelatedInformation{{Pos: v.get, Message: "one of the reads"}}})
	}
	return nil, nil
}

// atomicCall tells whether call is method name of an atomic.Value or atomic.Pointer.
func atomicCall(c *ssa.CallCommon, name string) bool {
	f := c.StaticCallee()
	if f == nil || f.Name() != name || f.Signature.Recv() == nil {
		return false
	}
	p, ok := f.Signature.Recv().Type().(*types.Pointer)
	if !ok {
		return false
	}
	n, ok := types.Unalias(p.Elem()).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "sync/atomic" && (n.Obj().Name() == "Value" || n.Obj().Name() == "Pointer")
}

func snapshots(pass *analysis.Pass, f *ssa.Function) {
	for _, b := range f.Blocks {
		for i, in := range b.Instrs {
			call, ok := in.(*ssa.Call)
			if !ok {
				continue
			}
			switch {
			case loads(call, make(map[ssa.Value]bool)):
				t := &tracer{pass: pass, what: "this changes the snapshot that others load", at: call.Pos(), where: "loaded here", seen: make(map[ssa.Value]bool)}
				t.follow(call)
			case atomicCall(&call.Call, "Store") && len(call.Call.Args) == 2:
				after := reachable(b)
				t := &tracer{pass: pass, what: "this changes the snapshot after it was stored", at: call.Pos(), where: "stored here", seen: make(map[ssa.Value]bool),
					within: func(in ssa.Instruction) bool { return after[in.Block()] || in.Block() == b && index(b, in) > i }}
				t.follow(origin(call.Call.Args[1]))
			}
		}
	}
}

// loads tells whether call returns a snapshot that others load: as Load itself, or as a function of the package that
// returns nothing else.
func loads(call *ssa.Call, seen map[ssa.Value]bool) bool {
	if atomicCall(&call.Call, "Load") {
		return true
	}
	f := call.Call.StaticCallee()
	if f == nil {
		return false
	}
	if seen[f] {
		return true // its other returns decide
	}
	seen[f] = true
	found := false
	for _, b := range f.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok {
			continue
		}
		if len(ret.Results) != 1 || !loaded(ret.Results[0], seen) {
			return false
		}
		found = true
	}
	return found
}

func loaded(v ssa.Value, seen map[ssa.Value]bool) bool {
	switch v := v.(type) {
	case *ssa.TypeAssert:
		return loaded(v.X, seen)
	case *ssa.Call:
		return loads(v, seen)
	case *ssa.UnOp:
		a, ok := v.X.(*ssa.Alloc)
		return ok && holdsLoaded(a, seen)
	}
	return false
}

// holdsLoaded tells whether nothing but snapshots is stored in a, the result of a function with deferred calls.
func holdsLoaded(a *ssa.Alloc, seen map[ssa.Value]bool) bool {
	if seen[a] {
		return true // what else is stored in it decides
	}
	seen[a] = true
	found := false
	for _, r := range *a.Referrers() {
		if s, ok := r.(*ssa.Store); ok && s.Addr == a {
			if !loaded(s.Val, seen) {
				return false
			}
			found = true
		}
	}
	return found
}

func origin(v ssa.Value) ssa.Value {
	if m, ok := v.(*ssa.MakeInterface); ok {
		return m.X
	}
	return v
}

func index(b *ssa.BasicBlock, in ssa.Instruction) int {
	for i, x := range b.Instrs {
		if x == in {
			return i
		}
	}
	return -1
}

// reachable returns the blocks that b can reach without passing its dominator again: a loop's next round makes new values.
func reachable(b *ssa.BasicBlock) map[*ssa.BasicBlock]bool {
	out := make(map[*ssa.BasicBlock]bool)
	work := []*ssa.BasicBlock{b}
	for len(work) > 0 {
		x := work[len(work)-1]
		work = work[:len(work)-1]
		for _, s := range x.Succs {
			if !out[s] && !s.Dominates(b) {
				out[s] = true
				work = append(work, s)
			}
		}
	}
	return out
}

// viper notes how a package uses github.com/spf13/viper.
type viper struct{ watch, get token.Pos }

func (v *viper) function(f *ssa.Function) {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			c, ok := in.(ssa.CallInstruction)
			if !ok || c.Common().StaticCallee() == nil || c.Common().StaticCallee().Object() == nil {
				continue
			}
			obj := c.Common().StaticCallee().Object()
			if obj.Pkg() == nil || !strings.HasSuffix(obj.Pkg().Path(), "github.com/spf13/viper") {
				continue
			}
			switch name := obj.Name(); {
			case name == "WatchConfig":
				v.watch = in.Pos()
			case strings.HasPrefix(name, "Get") && !v.get.IsValid():
				v.get = in.Pos()
			}
		}
	}
}
