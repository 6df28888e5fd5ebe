package torncfg

import (
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// koanf notes how a package uses github.com/knadh/koanf, whose versions up to 2.2 have no lock inside.
type koanf struct{ reload, watch, get token.Pos }

func (k *koanf) function(f *ssa.Function) {
	watched := watchCallback(f)
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			c, ok := in.(ssa.CallInstruction)
			if !ok {
				continue
			}
			name := koanfMethod(c.Common())
			switch {
			case name == "":
			case changesKoanf(name):
				if watched.IsValid() && !k.reload.IsValid() {
					k.reload, k.watch = in.Pos(), watched
				}
			case !watched.IsValid() && !k.get.IsValid():
				k.get = in.Pos()
			}
		}
	}
}

func changesKoanf(name string) bool {
	return slices.Contains([]string{"Load", "Merge", "MergeAt", "Set", "Delete"}, name)
}

// koanfMethod returns the name of the method of a *koanf.Koanf without a lock that is called, "" if it is none that matters.
func koanfMethod(c *ssa.CallCommon) string {
	f := c.StaticCallee()
	if f == nil || f.Signature.Recv() == nil {
		return ""
	}
	p, ok := f.Signature.Recv().Type().(*types.Pointer)
	if !ok {
		return ""
	}
	n, ok := types.Unalias(p.Elem()).(*types.Named)
	if !ok || n.Obj().Name() != "Koanf" || n.Obj().Pkg() == nil || !strings.Contains(n.Obj().Pkg().Path(), "github.com/knadh/koanf") {
		return ""
	}
	if st, ok := n.Underlying().(*types.Struct); ok {
		for field := range st.Fields() {
			if strings.HasPrefix(field.Type().String(), "sync.") {
				return ""
			}
		}
	}
	return f.Name()
}

// watchCallback returns where f, a function literal, is given to a method whose name begins with Watch, as a provider's is.
func watchCallback(f *ssa.Function) token.Pos {
	if f.Parent() == nil {
		return token.NoPos
	}
	for _, b := range f.Parent().Blocks {
		for _, in := range b.Instrs {
			c, ok := in.(ssa.CallInstruction)
			if !ok {
				continue
			}
			name := ""
			if c.Common().IsInvoke() {
				name = c.Common().Method.Name()
			} else if callee := c.Common().StaticCallee(); callee != nil {
				name = callee.Name()
			}
			if !strings.HasPrefix(name, "Watch") {
				continue
			}
			for _, a := range c.Common().Args {
				if a == f {
					return in.Pos()
				}
				if m, ok := a.(*ssa.MakeClosure); ok && m.Fn == f {
					return in.Pos()
				}
			}
		}
	}
	return token.NoPos
}

func (k *koanf) report(pass *analysis.Pass) {
	if !k.reload.IsValid() || !k.get.IsValid() {
		return
	}
	pass.Report(analysis.Diagnostic{Pos: k.reload,
		Message: "this reloads the koanf that others read, without a lock: load into a new koanf.New, and store it in an atomic.Pointer",
		Related: []analysis.RelatedInformation{{Pos: k.get, Message: "one of the reads"}, {Pos: k.watch, Message: "the watch is set here"}}})
}
