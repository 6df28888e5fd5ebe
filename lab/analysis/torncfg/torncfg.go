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
	v := &viper{}
	var visit func(*ssa.Function)
	visit = func(f *ssa.Function) {
		if strings.HasSuffix(pass.Fset.Position(f.Pos()).Filename, "_test.go") {
			return
		}
		snapshots(pass, f)
		v.function(f)
		for _, a := range f.AnonFuncs {
			visit(a)
		}
	}
	for _, f := range prog.SrcFuncs {
		visit(f)
	}
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
			case atomicCall(&call.Call, "Load"):
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

// tracer follows a snapshot to the places where it is changed.
type tracer struct {
	pass   *analysis.Pass
	what   string
	at     token.Pos
	where  string
	within func(ssa.Instruction) bool // nil: everywhere
	seen   map[ssa.Value]bool
}

func (t *tracer) follow(v ssa.Value) {
	if t.seen[v] || v.Referrers() == nil {
		return
	}
	t.seen[v] = true
	for _, r := range *v.Referrers() {
		switch r := r.(type) {
		case *ssa.TypeAssert, *ssa.Extract, *ssa.ChangeType, *ssa.Phi:
			t.follow(r.(ssa.Value))
		case *ssa.FieldAddr:
			t.field(r)
		case *ssa.UnOp: // a load through the pointer: only maps stay shared in the copy
			if _, isMap := r.Type().Underlying().(*types.Map); isMap && r.Op == token.MUL {
				t.follow(r)
			}
		case *ssa.Field:
			if _, isMap := r.Type().Underlying().(*types.Map); isMap {
				t.follow(r)
			}
		case *ssa.MapUpdate:
			if r.Map == v {
				t.report(r, "map")
			}
		case *ssa.Call:
			if b, ok := r.Call.Value.(*ssa.Builtin); ok && (b.Name() == "delete" || b.Name() == "clear") && r.Call.Args[0] == v {
				t.report(r, "map")
			}
		}
	}
}

func (t *tracer) field(f *ssa.FieldAddr) {
	for _, r := range *f.Referrers() {
		if s, ok := r.(*ssa.Store); ok && s.Addr == f && configuration(f.X.Type()) {
			t.report(s, "field")
		}
	}
	t.follow(f)
}

func (t *tracer) report(in ssa.Instruction, kind string) {
	if t.within != nil && !t.within(in) {
		return
	}
	msg := t.what + ": concurrent readers of the map die of a fatal error; store a changed copy"
	if kind == "field" {
		msg = t.what + ": concurrent readers see it half changed; store a changed copy"
	}
	t.pass.Report(analysis.Diagnostic{Pos: in.Pos(), Message: msg, Related: []analysis.RelatedInformation{{Pos: t.at, Message: t.where}}})
}

// configuration tells whether t's name says that it is one.
func configuration(t types.Type) bool {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return false
	}
	name := strings.ToLower(n.Obj().Name())
	for _, w := range []string{"config", "conf", "settings", "options", "snapshot"} {
		if strings.HasSuffix(name, w) {
			return true
		}
	}
	return false
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
