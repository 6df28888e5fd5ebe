package torncfg

import (
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// tracer follows a snapshot to the places where it is changed.
type tracer struct {
	pass   *analysis.Pass
	what   string
	at     token.Pos
	where  string
	within func(ssa.Instruction) bool // nil: everywhere
	seen   map[ssa.Value]bool
	depth  int
	change func(in ssa.Instruction, kind string) // nil: report
}

func (t *tracer) follow(v ssa.Value) {
	if t.seen[v] || v.Referrers() == nil || hasLock(v.Type()) {
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
			t.passed(r, v)
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

// passed looks for changes in a function of the package that gets the snapshot, and reports them at the call: the same
// function may change one that is not shared.
func (t *tracer) passed(call *ssa.Call, v ssa.Value) {
	f := call.Call.StaticCallee()
	if f == nil || len(f.Blocks) == 0 || t.depth == 3 {
		return
	}
	for i, p := range f.Params {
		if call.Call.Args[i] != v {
			continue
		}
		told := false // the other changes of the function are mended with the first
		inner := &tracer{seen: make(map[ssa.Value]bool), depth: t.depth + 1, change: func(in ssa.Instruction, kind string) {
			if !told {
				t.report(call, kind, analysis.RelatedInformation{Pos: in.Pos(), Message: "changed here"})
				told = true
			}
		}}
		inner.follow(p)
	}
}

func (t *tracer) report(in ssa.Instruction, kind string, related ...analysis.RelatedInformation) {
	if t.within != nil && !t.within(in) {
		return
	}
	if t.change != nil {
		t.change(in, kind)
		return
	}
	msg := t.what + ": concurrent readers of the map die of a fatal error; store a changed copy"
	if kind == "field" {
		msg = t.what + ": concurrent readers see it half changed; store a changed copy"
	}
	t.pass.Report(analysis.Diagnostic{Pos: in.Pos(), Message: msg,
		Related: append([]analysis.RelatedInformation{{Pos: t.at, Message: t.where}}, related...)})
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

// hasLock tells whether t points to a struct with a lock: no snapshot, but something that is changed in place.
func hasLock(t types.Type) bool {
	p, ok := t.Underlying().(*types.Pointer)
	if !ok {
		return false
	}
	st, ok := p.Elem().Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range st.Fields() {
		switch types.TypeString(f.Type(), nil) {
		case "sync.Mutex", "sync.RWMutex", "*sync.Mutex", "*sync.RWMutex":
			return true
		}
	}
	return false
}
