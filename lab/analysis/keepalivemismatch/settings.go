package keepalivemismatch

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
	"time"

	"golang.org/x/tools/go/analysis"
)

// collection is a search for the settings of a package, by literals and by assignments to their fields.
type collection struct {
	pass  *analysis.Pass
	all   []*found
	homes map[types.Object]*found
	zero  map[types.Object]bool // variables that begin as zero values
}

// found is a setting while more of its fields may be assigned.
type found struct {
	setting
	typ     string // the name of its type
	unknown bool   // its time is only known at run time
}

// collect returns the settings of the package. Files are in source order, and so a field assigned after the literal has the
// last word.
func collect(pass *analysis.Pass) *parameters {
	c := &collection{pass: pass, homes: make(map[types.Object]*found), zero: make(map[types.Object]bool)}
	for _, f := range pass.Files {
		if !test(pass, f.Package) {
			ast.Inspect(f, c.node)
		}
	}
	p := new(parameters)
	for _, f := range c.all {
		p.Enforced = p.Enforced || f.typ == policy
		switch {
		case f.unknown:
		case f.typ == client:
			p.Clients = append(p.Clients, f.setting)
		default:
			p.Policies = append(p.Policies, f.setting)
		}
	}
	return p
}

const client, policy = "ClientParameters", "EnforcementPolicy"

func (c *collection) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for i, l := range n.Lhs {
			if len(n.Lhs) == len(n.Rhs) {
				c.assign(l, n.Rhs[i])
			}
		}
	case *ast.ValueSpec:
		for i, id := range n.Names {
			if len(n.Names) == len(n.Values) {
				c.keep(id, n.Values[i])
			}
			c.zero[c.object(id)] = len(n.Values) == 0
		}
	case *ast.CompositeLit:
		c.literal(n)
	}
	return true
}

// settingType returns the name of t, or of what it points to, if that is one of the two types.
func settingType(t types.Type) string {
	if t == nil {
		return ""
	}
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil || !strings.HasSuffix(n.Obj().Pkg().Path(), keepalive) {
		return ""
	}
	if name := n.Obj().Name(); name == client || name == policy {
		return name
	}
	return ""
}

// add makes a setting at pos.
func (c *collection) add(typ string, pos token.Pos) *found {
	p := c.pass.Fset.Position(pos)
	f := &found{typ: typ, setting: setting{pos: pos, Where: fmt.Sprintf("%s:%d", p.Filename[strings.LastIndexByte(p.Filename, '/')+1:], p.Line)}}
	c.all = append(c.all, f)
	return f
}

// literal takes lit if it is of one of the two types and was not taken with the variable that holds it.
func (c *collection) literal(lit *ast.CompositeLit) *found {
	typ := settingType(c.pass.TypesInfo.TypeOf(lit))
	if typ == "" || c.taken(lit) {
		return nil
	}
	f := c.add(typ, lit.Pos())
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			f.unknown = true
			break
		}
		f.set(kv.Key.(*ast.Ident).Name, c.pass.TypesInfo.Types[kv.Value].Value)
	}
	return f
}

func (c *collection) taken(lit *ast.CompositeLit) bool {
	for _, f := range c.all {
		if f.pos == lit.Pos() {
			return true
		}
	}
	return false
}

// keep takes the literal v, or its address, as the value of the variable l. Another value makes it unknown.
func (c *collection) keep(l, v ast.Expr) {
	v = ast.Unparen(v)
	if u, ok := v.(*ast.UnaryExpr); ok {
		v = ast.Unparen(u.X)
	}
	o := c.object(l)
	if o == nil {
		return
	}
	if lit, ok := v.(*ast.CompositeLit); ok {
		if f := c.literal(lit); f != nil {
			c.homes[o] = f
		}
	} else if f := c.homes[o]; f != nil {
		f.unknown = true
	}
}

// assign takes l = r if it sets a field of one of the two types, or gives a variable a literal.
func (c *collection) assign(l, r ast.Expr) {
	c.keep(l, r)
	sel, ok := ast.Unparen(l).(*ast.SelectorExpr)
	if !ok {
		return
	}
	typ, o := settingType(c.pass.TypesInfo.TypeOf(sel.X)), c.object(sel.X)
	if typ == "" || o == nil {
		return
	}
	f := c.homes[o]
	if f == nil {
		f = c.add(typ, l.Pos())
		f.unknown = !c.zero[o]
		c.homes[o] = f
	}
	f.set(sel.Sel.Name, c.pass.TypesInfo.Types[r].Value)
}

// object returns the variable or the field that e is.
func (c *collection) object(e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return c.pass.TypesInfo.ObjectOf(e)
	case *ast.SelectorExpr:
		return c.pass.TypesInfo.ObjectOf(e.Sel)
	}
	return nil
}

// set notes the value of a field, nil if it is only known at run time. What is not known gives no reason for a report: the
// client keeps quiet without streams then, and the policy permits it.
func (f *found) set(field string, v constant.Value) {
	switch field {
	case "Time", "MinTime":
		f.unknown = v == nil
		if v != nil {
			ns, _ := constant.Int64Val(v)
			f.Time = time.Duration(ns)
		}
	case "PermitWithoutStream":
		f.WithoutStream = v != nil && constant.BoolVal(v) || v == nil && f.typ == policy
	}
}
