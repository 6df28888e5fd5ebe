package concur

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDebug(t *testing.T) {
	k := os.Getenv("KERNEL")
	if k == "" {
		t.Skip()
	}
	dir := filepath.Join(goroot(t), "src/runtime/testdata/testgoroutineleakprofile/goker")
	pkg, srcs, fset := buildSSA(t, []string{filepath.Join(dir, k+".go"), filepath.Join(dir, "main.go")})
	for _, r := range Roots(pkg, srcs) {
		e := NewExplorer(pkg, Limits{})
		s := &search{e: e, fn: r, seen: map[string]bool{}}
		m := s.machine(nil, nil)
		m.tracing = true
		m.start(r)
		t.Log(r, m.over, m.points, m.steps, len(m.gs))
		for _, st := range m.trace {
			t.Log("   ", st.Goroutine, st.Text, fset.Position(st.Pos).Line)
		}
		for _, g := range m.gs {
			op := ""
			if g.op != nil {
				op = g.op.name
			}
			where := ""
			if n := len(g.frames); n > 0 {
				f := g.frames[n-1]
				where = f.fn.String()
				if f.pc < len(f.block.Instrs) {
					where += " " + f.block.Instrs[f.pc].String() + " " + fset.Position(f.block.Instrs[f.pc].Pos()).String()
				}
			}
			t.Log(g.id, g.fn, g.done, g.parked, op, where)
		}
	}
}
