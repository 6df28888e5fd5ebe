package analysis

import (
	"go/ast"
	"go/token"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
)

// mutate changes one thing in the body of fd. What comes out is meant to be wrong, but mostly type-checks.
func mutate(fd *ast.FuncDecl, r *rand.Rand) {
	s := sites{}
	ast.Inspect(fd.Body, s.add)
	kinds := []func(*rand.Rand){s.dropStmt, s.repeatStmt, s.swapStmts, s.start, s.wrap, s.unwrap,
		s.negate, s.operator, s.number, s.null, s.swapArgs, s.capacity, s.dropClause}
	kinds[r.IntN(len(kinds))](r)
}

// sites are the places of a function body that can be changed.
type sites struct {
	lists   []*[]ast.Stmt
	clauses []*ast.BlockStmt
	ifs     []*ast.IfStmt
	ops     []*ast.BinaryExpr
	numbers []*ast.BasicLit
	calls   []*ast.CallExpr
}

func (s *sites) add(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BlockStmt:
		s.list(&n.List)
	case *ast.CaseClause:
		s.list(&n.Body)
	case *ast.CommClause:
		s.list(&n.Body)
	case *ast.SelectStmt:
		s.clauses = append(s.clauses, n.Body)
		s.inside(n.Body)
		return false
	case *ast.SwitchStmt:
		s.clauses = append(s.clauses, n.Body)
		s.inside(n.Body)
		return false
	case *ast.TypeSwitchStmt:
		s.clauses = append(s.clauses, n.Body)
		s.inside(n.Body)
		return false
	case *ast.IfStmt:
		s.ifs = append(s.ifs, n)
	case *ast.BinaryExpr:
		s.ops = append(s.ops, n)
	case *ast.BasicLit:
		if n.Kind == token.INT {
			s.numbers = append(s.numbers, n)
		}
	case *ast.CallExpr:
		s.calls = append(s.calls, n)
	}
	return true
}

// inside looks into the clauses of a switch or select, whose own list holds clauses only.
func (s *sites) inside(b *ast.BlockStmt) {
	for _, c := range b.List {
		ast.Inspect(c, s.add)
	}
}

func (s *sites) list(l *[]ast.Stmt) {
	if len(*l) > 0 {
		s.lists = append(s.lists, l)
	}
}

// pick returns one of list, or false if it is empty.
func pick[T any](r *rand.Rand, list []T) (one T, ok bool) {
	if len(list) == 0 {
		return one, false
	}
	return list[r.IntN(len(list))], true
}

func (s *sites) stmt(r *rand.Rand) (*[]ast.Stmt, int) {
	l, ok := pick(r, s.lists)
	if !ok {
		return &[]ast.Stmt{&ast.EmptyStmt{}}, 0
	}
	return l, r.IntN(len(*l))
}

func (s *sites) dropStmt(r *rand.Rand) {
	l, i := s.stmt(r)
	*l = slices.Delete(slices.Clone(*l), i, i+1)
}

func (s *sites) repeatStmt(r *rand.Rand) {
	l, i := s.stmt(r)
	*l = slices.Insert(slices.Clone(*l), i, (*l)[i])
}

func (s *sites) swapStmts(r *rand.Rand) {
	l, i := s.stmt(r)
	j := r.IntN(len(*l))
	(*l)[i], (*l)[j] = (*l)[j], (*l)[i]
}

// start turns a call into a goroutine or a deferred call.
func (s *sites) start(r *rand.Rand) {
	l, i := s.stmt(r)
	e, ok := (*l)[i].(*ast.ExprStmt)
	if !ok {
		return
	}
	if c, ok := e.X.(*ast.CallExpr); ok && r.IntN(2) == 0 {
		(*l)[i] = &ast.GoStmt{Call: c}
	} else if ok {
		(*l)[i] = &ast.DeferStmt{Call: c}
	}
}

// wrap puts a statement into an endless loop, a block, a goroutine or a function literal.
func (s *sites) wrap(r *rand.Rand) {
	l, i := s.stmt(r)
	body := &ast.BlockStmt{List: []ast.Stmt{(*l)[i]}}
	call := &ast.CallExpr{Fun: &ast.FuncLit{Type: &ast.FuncType{Params: &ast.FieldList{}}, Body: body}}
	(*l)[i] = []ast.Stmt{&ast.ForStmt{Body: body}, body, &ast.GoStmt{Call: call}, &ast.ExprStmt{X: call}, &ast.DeferStmt{Call: call}}[r.IntN(5)]
}

// unwrap puts the body of an if statement in its place.
func (s *sites) unwrap(r *rand.Rand) {
	l, i := s.stmt(r)
	switch x := (*l)[i].(type) {
	case *ast.IfStmt:
		(*l)[i] = x.Body
	case *ast.ForStmt:
		(*l)[i] = x.Body
	}
}

func (s *sites) negate(r *rand.Rand) {
	if c, ok := pick(r, s.ifs); ok {
		c.Cond = &ast.UnaryExpr{Op: token.NOT, X: &ast.ParenExpr{X: c.Cond}}
	}
}

func (s *sites) operator(r *rand.Rand) {
	ops := []token.Token{token.EQL, token.NEQ, token.LSS, token.GEQ, token.LAND, token.LOR, token.ADD, token.SUB, token.QUO, token.SHL, token.AND}
	if b, ok := pick(r, s.ops); ok {
		b.Op = ops[r.IntN(len(ops))]
	}
}

func (s *sites) number(r *rand.Rand) {
	if n, ok := pick(r, s.numbers); ok {
		n.Value = strconv.Itoa([]int{0, 1, 2, 255, 1 << 20, math.MaxInt}[r.IntN(6)])
	}
}

// null passes nil or zero for an argument.
func (s *sites) null(r *rand.Rand) {
	if c, ok := pick(r, s.calls); ok && len(c.Args) > 0 {
		c.Args[r.IntN(len(c.Args))] = &ast.Ident{Name: []string{"nil", "0", `""`, "false"}[r.IntN(4)]}
	}
}

func (s *sites) swapArgs(r *rand.Rand) {
	if c, ok := pick(r, s.calls); ok && len(c.Args) > 1 {
		i, j := r.IntN(len(c.Args)), r.IntN(len(c.Args))
		c.Args[i], c.Args[j] = c.Args[j], c.Args[i]
	}
}

// capacity changes that of a channel, a map or a slice.
func (s *sites) capacity(r *rand.Rand) {
	makes := slices.DeleteFunc(slices.Clone(s.calls), func(c *ast.CallExpr) bool {
		id, ok := c.Fun.(*ast.Ident)
		return !ok || id.Name != "make" || len(c.Args) == 0
	})
	if c, ok := pick(r, makes); ok {
		c.Args = append(c.Args[:1:1], &ast.BasicLit{Kind: token.INT, Value: strconv.Itoa(r.IntN(3))})
	}
}

func (s *sites) dropClause(r *rand.Rand) {
	if b, ok := pick(r, s.clauses); ok && len(b.List) > 0 {
		i := r.IntN(len(b.List))
		b.List = slices.Delete(slices.Clone(b.List), i, i+1)
	}
}
