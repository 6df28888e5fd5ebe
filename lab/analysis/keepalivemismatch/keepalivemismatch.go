package keepalivemismatch

import (
	_ "embed"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
	"time"

	"golang.org/x/tools/go/analysis"

	"github.com/falsifiable/stability/lab/analysis/internal/docs"
)

//go:embed doc.go
var doc string

// Analyzer reports keepalive parameters that do not fit each other.
var Analyzer = &analysis.Analyzer{
	Name:      "keepalivemismatch",
	Doc:       docs.Extract(doc),
	URL:       docs.URL("keepalivemismatch"),
	FactTypes: []analysis.Fact{new(parameters)},
	Run:       run,
}

// parameters is what a package says about keepalive: a fact for its importers.
type parameters struct {
	Clients, Policies []setting
}

// setting is one literal of keepalive.ClientParameters or keepalive.EnforcementPolicy.
type setting struct {
	Time          time.Duration // Time or MinTime; 0 if not set
	WithoutStream bool
	Where         string // file:line, for other packages
	pos           token.Pos
}

// AFact marks parameters as a fact.
func (*parameters) AFact() {}

func (p *parameters) String() string {
	return fmt.Sprintf("%d clients, %d policies", len(p.Clients), len(p.Policies))
}

const (
	keepalive      = "google.golang.org/grpc/keepalive"
	defaultMinTime = 5 * time.Minute // grpc-go, internal/transport/defaults.go
	leastTime      = 10 * time.Second
)

func run(pass *analysis.Pass) (any, error) {
	var own parameters
	servers := false
	for _, f := range pass.Files {
		if strings.HasSuffix(pass.Fset.Position(f.Package).Filename, "_test.go") {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				own.add(pass, n)
			case *ast.SelectorExpr:
				if fn, ok := pass.TypesInfo.Uses[n.Sel].(*types.Func); ok && strings.HasSuffix(fn.FullName(), "google.golang.org/grpc.NewServer") {
					servers = true
				}
			}
			return true
		})
	}
	if len(own.Clients)+len(own.Policies) > 0 {
		pass.ExportPackageFact(&own)
	}
	var others parameters
	for _, f := range pass.AllPackageFacts() {
		if p, ok := f.Fact.(*parameters); ok && f.Package != pass.Pkg {
			others.Clients = append(others.Clients, p.Clients...)
			others.Policies = append(others.Policies, p.Policies...)
		}
	}
	for _, c := range own.Clients {
		if c.Time > 0 && c.Time < leastTime {
			pass.Reportf(c.pos, "client keepalive Time %v is below 10s: grpc-go raises it to 10s", c.Time)
		}
		compare(pass, c, append(own.Policies, others.Policies...))
		if servers && len(own.Policies)+len(others.Policies) == 0 && c.Time > 0 && c.Time < defaultMinTime {
			pass.Reportf(c.pos, "client keepalive Time %v is below the 5m0s that a server without EnforcementPolicy allows: it answers with GOAWAY too_many_pings", c.Time)
		}
	}
	for _, c := range others.Clients {
		for _, s := range own.Policies {
			if msg := mismatch(c, s); msg != "" {
				pass.Reportf(s.pos, "%s (the client is at %s)", msg, c.Where)
			}
		}
	}
	return nil, nil
}

func compare(pass *analysis.Pass, c setting, policies []setting) {
	for _, s := range policies {
		if msg := mismatch(c, s); msg != "" {
			pass.Reportf(c.pos, "%s (the server is at %s)", msg, s.Where)
		}
	}
}

// mismatch says why server s will close the connections of client c, or "".
func mismatch(c, s setting) string {
	least := s.Time
	if least == 0 {
		least = defaultMinTime
	}
	real := max(c.Time, leastTime)
	switch {
	case c.Time > 0 && real < least:
		return fmt.Sprintf("client keepalive Time %v is below the server's MinTime %v: the server answers with GOAWAY too_many_pings", c.Time, least)
	case c.Time > 0 && c.WithoutStream && !s.WithoutStream:
		return "the client pings without streams, which the server does not permit: it answers with GOAWAY too_many_pings"
	}
	return ""
}

// add takes lit if it is one of the two types.
func (p *parameters) add(pass *analysis.Pass, lit *ast.CompositeLit) {
	n, ok := types.Unalias(pass.TypesInfo.TypeOf(lit)).(*types.Named)
	if !ok || n.Obj().Pkg() == nil || !strings.HasSuffix(n.Obj().Pkg().Path(), keepalive) {
		return
	}
	pos := pass.Fset.Position(lit.Pos())
	s := setting{pos: lit.Pos(), Where: fmt.Sprintf("%s:%d", pos.Filename[strings.LastIndexByte(pos.Filename, '/')+1:], pos.Line)}
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return
		}
		v := pass.TypesInfo.Types[kv.Value].Value
		switch kv.Key.(*ast.Ident).Name {
		case "Time", "MinTime":
			if v == nil {
				return // only known at run time
			}
			ns, _ := constant.Int64Val(v)
			s.Time = time.Duration(ns)
		case "PermitWithoutStream":
			s.WithoutStream = v == nil || constant.BoolVal(v)
		}
	}
	switch n.Obj().Name() {
	case "ClientParameters":
		p.Clients = append(p.Clients, s)
	case "EnforcementPolicy":
		p.Policies = append(p.Policies, s)
	}
}
