package keepalivemismatch

import (
	_ "embed"
	"fmt"
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
	// Enforced says that the package gives a server a policy, be its values known or not.
	Enforced bool
	// Compared are the paths of the packages whose parameters were held against these when this package was analyzed.
	Compared []string
}

// setting is one value of keepalive.ClientParameters or keepalive.EnforcementPolicy.
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
	own := collect(pass)
	imported := imports(pass)
	var others parameters
	for _, p := range imported {
		others.Clients = append(others.Clients, p.Clients...)
		others.Policies = append(others.Policies, p.Policies...)
		own.Compared = append(own.Compared, p.path)
		others.Enforced = others.Enforced || p.Enforced
	}
	own.Enforced = own.Enforced || uses(pass, "google.golang.org/grpc.KeepaliveEnforcementPolicy")
	if len(own.Clients)+len(own.Policies) > 0 || own.Enforced {
		pass.ExportPackageFact(own)
	}
	servers := uses(pass, "google.golang.org/grpc.NewServer")
	for _, c := range own.Clients {
		if c.Time > 0 && c.Time < leastTime {
			pass.Reportf(c.pos, "client keepalive Time %v is below 10s: grpc-go raises it to 10s", c.Time)
		}
		compare(pass, c, append(own.Policies, others.Policies...))
		if servers && !own.Enforced && !others.Enforced && c.Time > 0 && c.Time < defaultMinTime {
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
	if pass.Pkg.Name() == "main" {
		strangers(pass, imported)
	}
	return nil, nil
}

// uses tells whether the package, without its tests, uses the function.
func uses(pass *analysis.Pass, name string) bool {
	for id, o := range pass.TypesInfo.Uses {
		if fn, ok := o.(*types.Func); ok && strings.HasSuffix(fn.FullName(), name) && !test(pass, id.Pos()) {
			return true
		}
	}
	return false
}

func test(pass *analysis.Pass, pos token.Pos) bool {
	return strings.HasSuffix(pass.Fset.Position(pos).Filename, "_test.go")
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
