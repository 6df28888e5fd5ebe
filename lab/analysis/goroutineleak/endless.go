package goroutineleak

import (
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
)

// endless reports a goroutine whose function never returns, and waits for nothing but the clock, or a channel that nobody closes
// though its owner has a method to end it.
func endless(pass *analysis.Pass, g *ssa.Go, users users, chans map[types.Object]*ir.ChanUse) {
	f := g.Call.StaticCallee()
	if f == nil || len(f.Blocks) == 0 || users.forLife(g.Parent(), 4) {
		return
	}
	l := &lifetime{start: g, chans: chans, seen: map[*ssa.BasicBlock]bool{}}
	switch {
	case !l.endless(f.Blocks[0]):
	case l.unclosed != nil:
		pass.Reportf(g.Pos(), "nothing ends this goroutine: it receives from %s, which nobody closes, and %s does not tell it to end; close the channel there",
			ir.Describe(l.unclosed), ender(l.unclosed))
	case l.clock:
		pass.Reportf(g.Pos(), "this goroutine wakes by the clock and can never end: give it a context or a channel to stop it")
	}
}

// lifetime looks for what can end a goroutine.
type lifetime struct {
	start *ssa.Go
	seen  map[*ssa.BasicBlock]bool
	clock bool // it waits for the clock
	chans map[types.Object]*ir.ChanUse
	// unclosed is a channel that it waits for, which nobody closes.
	unclosed ssa.Value
}

// neverClosed tells whether v is a channel in a field that no code closes, of a struct that has a method to end its work.
func (l *lifetime) neverClosed(v ssa.Value) bool {
	load, ok := v.(*ssa.UnOp)
	if !ok {
		return false
	}
	use := l.chans[ir.Variable(load.X)]
	return use != nil && !use.Closed && !use.Escapes && ender(v) != ""
}

// ender returns the name of the method that ends the work of the struct which v is a field of, or "".
func ender(v ssa.Value) string {
	field, ok := v.(*ssa.UnOp).X.(*ssa.FieldAddr)
	if !ok {
		return ""
	}
	methods := types.NewMethodSet(field.X.Type())
	for _, name := range []string{"Close", "Stop", "Shutdown"} {
		if methods.Lookup(nil, name) != nil {
			return name
		}
	}
	return ""
}

// endless tells whether nothing that can be reached from b ends the goroutine, or lets it wait for others.
func (l *lifetime) endless(b *ssa.BasicBlock) bool {
	if l.seen[b] {
		return true
	}
	l.seen[b] = true
	for _, in := range b.Instrs {
		if !l.goesOn(in) {
			return false
		}
	}
	for i, s := range b.Succs {
		if !l.never(b, i) && !l.endless(s) {
			return false
		}
	}
	return true
}

// goesOn tells whether in neither ends the goroutine nor waits for anybody.
func (l *lifetime) goesOn(in ssa.Instruction) bool {
	switch in := in.(type) {
	case *ssa.Return, *ssa.Send:
		return false
	case *ssa.Panic:
		return ofSelect(in)
	case *ssa.Select:
		return in.Blocking && !slices.ContainsFunc(in.States, func(s *ssa.SelectState) bool { return !l.idle(s) })
	case *ssa.UnOp:
		if in.Op == token.ARROW {
			if l.neverClosed(in.X) {
				l.unclosed = in.X
				return true
			}
			l.clock = true
			return strings.HasSuffix(in.X.Type().String(), "chan time.Time")
		}
	case *ssa.Call:
		if c := in.Call.StaticCallee(); c != nil {
			l.clock = l.clock || c.RelString(nil) == "time.Sleep"
			return !slices.Contains([]string{"os.Exit", "runtime.Goexit", "log.Fatal", "log.Fatalf", "log.Fatalln"}, c.RelString(nil))
		}
	}
	return true
}

// idle tells whether the case of a select never ends the goroutine: it waits for the clock, or for what never comes.
func (l *lifetime) idle(s *ssa.SelectState) bool {
	switch {
	case s.Dir != types.RecvOnly:
		return false
	case l.neverClosed(s.Chan):
		l.unclosed = s.Chan
		return true
	}
	l.clock = true
	return isClock(s.Chan) || l.background(s.Chan)
}

// ofSelect tells whether p is the panic that the SSA form puts behind the cases of a select, where nobody comes.
func ofSelect(p *ssa.Panic) bool {
	m, ok := p.X.(*ssa.MakeInterface)
	if !ok {
		return false
	}
	c, ok := m.X.(*ssa.Const)
	return ok && c.Value != nil && c.Value.ExactString() == strconv.Quote("blocking select matched no case")
}

// never tells whether b does not go on with its i-th successor: because a ticker's channel is never closed, or a context is
// never done.
func (l *lifetime) never(b *ssa.BasicBlock, i int) bool {
	cond, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
	if !ok {
		return false
	}
	switch c := cond.Cond.(type) {
	case *ssa.Extract:
		recv, ok := c.Tuple.(*ssa.UnOp)
		return ok && c.Index == 1 && i == 1 && recv.Op == token.ARROW && (isClock(recv.X) || l.neverClosed(recv.X))
	case *ssa.BinOp:
		index, ok := c.X.(*ssa.Extract)
		if !ok || c.Op != token.EQL || i != 0 || index.Index != 0 {
			return false
		}
		s, ok := index.Tuple.(*ssa.Select)
		n, isConst := c.Y.(*ssa.Const)
		if !ok || !isConst {
			return false
		}
		state, _ := constant.Int64Val(n.Value)
		return state >= 0 && int(state) < len(s.States) && l.background(s.States[state].Chan)
	}
	return false
}

// isClock tells whether v is the channel of a timer or ticker, which is never closed.
func isClock(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Call:
		f := v.Call.StaticCallee()
		return f != nil && (f.RelString(nil) == "time.Tick" || f.RelString(nil) == "time.After")
	case *ssa.UnOp:
		field, ok := v.X.(*ssa.FieldAddr)
		if !ok {
			return false
		}
		t := field.X.Type().String()
		return t == "*time.Ticker" || t == "*time.Timer"
	case *ssa.Phi:
		return !slices.ContainsFunc(v.Edges, func(e ssa.Value) bool { return !isClock(e) })
	}
	return false
}

// background tells whether v is the Done of a context that is never done.
func (l *lifetime) background(v ssa.Value) bool {
	c, ok := v.(*ssa.Call)
	return ok && c.Call.IsInvoke() && c.Call.Method.Name() == "Done" && l.neverDone(c.Call.Value, 6)
}

// neverDone follows the context v to where it was made, also out of the goroutine.
func (l *lifetime) neverDone(v ssa.Value, depth int) bool {
	if depth == 0 {
		return false
	}
	switch v := v.(type) {
	case *ssa.Call:
		f := v.Call.StaticCallee()
		if f == nil {
			return false
		}
		switch f.RelString(nil) {
		case "context.Background", "context.TODO", "context.WithoutCancel":
			return true
		case "context.WithValue":
			return l.neverDone(v.Call.Args[0], depth-1)
		}
	case *ssa.Parameter:
		i := slices.Index(v.Parent().Params, v)
		return v.Parent() == l.start.Call.StaticCallee() && i < len(l.start.Call.Args) && l.neverDone(l.start.Call.Args[i], depth-1)
	case *ssa.UnOp:
		stored := l.onlyValue(v.X)
		return stored != nil && l.neverDone(stored, depth-1)
	}
	return false
}

// onlyValue returns what is stored in the variable at address v, which may be captured by the goroutine, if that is one value.
func (l *lifetime) onlyValue(v ssa.Value) ssa.Value {
	if free, ok := v.(*ssa.FreeVar); ok {
		closure, ok := l.start.Call.Value.(*ssa.MakeClosure)
		if i := slices.Index(free.Parent().FreeVars, free); ok && closure.Fn == free.Parent() {
			v = closure.Bindings[i]
		}
	}
	a, ok := v.(*ssa.Alloc)
	if !ok {
		return nil
	}
	var only ssa.Value
	for _, r := range *a.Referrers() {
		switch r := r.(type) {
		case *ssa.Store:
			if only != nil {
				return nil
			}
			only = r.Val
		case *ssa.UnOp, *ssa.DebugRef, *ssa.MakeClosure:
		default:
			return nil
		}
	}
	return only
}
