package adopt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/falsifiable/stability/lab/gate/repo"
)

// Found is what a repository says of one of its services.
type Found struct {
	Main   string // directory of the main package, absolute
	Module string // directory of its module, absolute
	Path   string // of the module
	Name   string // of the service
	Vendor bool
	Work   bool
	// Routers, Clients and Settings name the packages that the service uses for these purposes, in words.
	Routers, Clients, Settings []string
	Metrics, Health            bool // pages of its own
	AddressEnv                 []string
	AddressFlag                string
	Others                     []string // variables for the addresses of further servers in it
	Fixed                      string   // an address that is written into the source
	Env                        []string
	Routes                     []string // GET paths without parameters
	Serves                     []site
	mainFile                   string
	already                    bool
}

// onlyGRPC reports whether the service serves gRPC and nothing over HTTP, as far as its source tells.
func (f *Found) onlyGRPC() bool {
	return slices.Contains(f.Routers, "gRPC") && len(f.Routes) == 0 && !slices.ContainsFunc(f.Serves, func(s site) bool { return s.kind != unwatched })
}

// site is a place where a handler is given to a server.
type site struct {
	file       string
	start, end int // of the expression to be wrapped, in bytes
	text       string
	kind       siteKind
	line       int
}

type siteKind uint8

const (
	wrapHandler siteKind = iota // http.ListenAndServe(a, HANDLER), http.Server{Handler: HANDLER}
	runGin                      // r.Run(a): the whole call is replaced
	useEcho                     // e.Start(a): a line before it
	unwatched                   // fasthttp, gRPC: told
)

// known are the packages that make a difference, by the beginning of their path.
var known = []struct{ prefix, kind, name string }{
	{"github.com/gin-gonic/gin", "router", "gin"}, {"github.com/labstack/echo", "router", "echo"}, {"github.com/go-chi/chi", "router", "chi"},
	{"github.com/gofiber/fiber", "router", "fiber"}, {"github.com/gorilla/mux", "router", "gorilla/mux"}, {"github.com/julienschmidt/httprouter", "router", "httprouter"},
	{"google.golang.org/grpc", "router", "gRPC"},
	{"database/sql", "client", "database/sql"}, {"github.com/jackc/pgx", "client", "pgx (PostgreSQL)"}, {"github.com/lib/pq", "client", "lib/pq (PostgreSQL)"},
	{"github.com/go-sql-driver/mysql", "client", "MySQL"}, {"modernc.org/sqlite", "client", "SQLite"}, {"github.com/mattn/go-sqlite3", "client", "SQLite (cgo)"}, {"github.com/glebarez", "client", "SQLite"},
	{"gorm.io/gorm", "client", "gorm"}, {"github.com/jinzhu/gorm", "client", "gorm"}, {"github.com/redis/go-redis", "client", "go-redis"}, {"github.com/go-redis/redis", "client", "go-redis"},
	{"github.com/gomodule/redigo", "client", "redigo"}, {"go.mongodb.org", "client", "MongoDB"}, {"go.etcd.io/bbolt", "client", "bbolt"},
	{"flag", "setting", "flags"}, {"github.com/spf13/pflag", "setting", "pflag"}, {"github.com/spf13/cobra", "setting", "cobra"}, {"github.com/spf13/viper", "setting", "viper (config file)"},
	{"github.com/urfave/cli", "setting", "urfave/cli"}, {"github.com/alecthomas/kong", "setting", "kong"}, {"github.com/alecthomas/kingpin", "setting", "kingpin"},
	{"github.com/BurntSushi/toml", "setting", "TOML config file"}, {"gopkg.in/yaml", "setting", "YAML config file"}, {"go.yaml.in/yaml", "setting", "YAML config file"},
	{"github.com/joho/godotenv", "setting", ".env file"}, {"github.com/caarlos0/env", "setting", "environment"}, {"github.com/kelseyhightower/envconfig", "setting", "environment"},
}

// pkg is a package as go list says it.
type pkg struct {
	Dir, ImportPath, Name string
	GoFiles               []string
	Imports, Deps         []string
	Module                *struct {
		Path, Dir string
		Main      bool
	}
}

// ErrChoose is a repository with several services: say which.
var ErrChoose = errors.New("adopt: there is more than one service here; name its directory")

// ErrNone is a repository without a service.
var ErrNone = errors.New("adopt: no main package here serves anything over HTTP or gRPC")

// Inspect looks at the service in dir: a main package, or a directory below which there is one that serves something.
func Inspect(ctx context.Context, dir string) (*Found, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("adopt: %w", err)
	}
	packages, err := listPackages(ctx, dir)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(dir, packages)
	if err != nil {
		return nil, err
	}
	f := &Found{Main: chosen.Dir, Module: chosen.Module.Dir, Path: chosen.Module.Path, Name: serviceName(chosen.ImportPath)}
	f.Vendor = exists(filepath.Join(f.Module, "vendor", "modules.txt"))
	work, err := repo.Go(ctx, dir, nil, "env", "GOWORK")
	if err != nil {
		return nil, err
	}
	if w := strings.TrimSpace(string(work)); w != "" && w != "off" {
		f.Work = true
	}
	own := map[string]bool{chosen.ImportPath: true}
	for _, d := range chosen.Deps {
		own[d] = true
	}
	all := packages
	if chosen.Dir == dir || len(packages) == 1 {
		if all, err = listPackages(ctx, f.Module); err != nil {
			return nil, err
		}
	}
	for _, p := range all {
		if own[p.ImportPath] {
			if err := f.read(p, p.ImportPath == chosen.ImportPath); err != nil {
				return nil, err
			}
		}
	}
	f.tidy()
	return f, nil
}

// serviceName is the last element of a path that says something.
func serviceName(path string) string {
	parts := strings.Split(path, "/")
	for _, p := range slices.Backward(parts) {
		if p != "cmd" && p != "server" && p != "main" && !regexp.MustCompile(`^v\d+$`).MatchString(p) {
			return strings.ToLower(strings.ReplaceAll(p, ".", "-"))
		}
	}
	return "service"
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func listPackages(ctx context.Context, dir string) ([]pkg, error) {
	output, err := repo.Go(ctx, dir, nil, "list", "-e", "-json=Dir,ImportPath,Name,GoFiles,Imports,Deps,Module", "./...")
	if err != nil {
		return nil, fmt.Errorf("adopt: %w", err)
	}
	var all []pkg
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p pkg
		if err := decoder.Decode(&p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("adopt: reading what go list says: %w", err)
		}
		if p.Module != nil && p.Module.Main {
			all = append(all, p)
		}
	}
}

// beside matches directories of programs that are there beside the service.
var beside = regexp.MustCompile(`(?i)/(_?examples?|internal|tests?|e2e|tools?|hack|docker|scripts?)(/|$)|/[a-z-]*(cli|client|ctl|gen)$`)

// choose picks the main package: the one in dir, or the only one below that serves something.
func choose(dir string, packages []pkg) (pkg, error) {
	var candidates []pkg
	for _, p := range packages {
		if p.Name != "main" || len(p.GoFiles) == 0 {
			continue
		}
		if !slices.ContainsFunc(p.Deps, func(d string) bool { return d == "net/http" || d == "google.golang.org/grpc" }) {
			continue
		}
		if p.Dir == dir {
			return p, nil
		}
		if !beside.MatchString(p.Dir[len(dir):]) {
			candidates = append(candidates, p)
		}
	}
	switch len(candidates) {
	case 0:
		return pkg{}, ErrNone
	case 1:
		return candidates[0], nil
	}
	var dirs []string
	for _, c := range candidates {
		relative, err := filepath.Rel(dir, c.Dir)
		if err != nil {
			relative = c.Dir
		}
		dirs = append(dirs, "./"+filepath.ToSlash(relative))
	}
	return pkg{}, fmt.Errorf("%w: %s", ErrChoose, strings.Join(dirs, ", "))
}

// read reads the source of one package.
func (f *Found) read(p pkg, isMain bool) error {
	for _, path := range p.Imports {
		for _, k := range known {
			if path == k.prefix || strings.HasPrefix(path, k.prefix+"/") || strings.HasPrefix(path, k.prefix+".") {
				list := map[string]*[]string{"router": &f.Routers, "client": &f.Clients, "setting": &f.Settings}[k.kind]
				*list = append(*list, k.name)
			}
		}
		if strings.HasSuffix(path, "/"+watchPackage) {
			f.already = true
		}
	}
	for _, name := range p.GoFiles {
		path := filepath.Join(p.Dir, name)
		source, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("adopt: %w", err)
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("adopt: %w", err)
		}
		v := &visitor{found: f, set: set, path: path, source: source, imports: importNames(file)}
		ast.Inspect(file, v.visit)
		if isMain {
			for _, d := range file.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "main" {
					f.mainFile = path
				}
			}
		}
	}
	return nil
}

func importNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		name := path[strings.LastIndex(path, "/")+1:]
		if regexp.MustCompile(`^v\d+$`).MatchString(name) {
			rest := strings.TrimSuffix(path, "/"+name)
			name = rest[strings.LastIndex(rest, "/")+1:]
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	return names
}

// visitor looks for what matters in one file.
type visitor struct {
	found   *Found
	set     *token.FileSet
	path    string
	source  []byte
	imports map[string]string
}

func (v *visitor) offset(p token.Pos) int { return v.set.Position(p).Offset }

func (v *visitor) site(x ast.Expr, kind siteKind) {
	start, end := v.offset(x.Pos()), v.offset(x.End())
	v.found.Serves = append(v.found.Serves, site{v.path, start, end, string(v.source[start:end]), kind, v.set.Position(x.Pos()).Line})
}

var (
	addressWord = regexp.MustCompile(`(?i)(^|[_.-])(addr|address|listen|bind|port|http)($|[_.-])`)
	envAddress  = regexp.MustCompile(`(?i)(^|_)(addr|address|listen|bind|port)$`)
	bindWord    = regexp.MustCompile(`(?i)(bind|listen)(_addr|_address)?$`)
	otherServer = regexp.MustCompile(`(?i)smtp|pop3|imap|grpc|metrics|admin|debug|pprof`)
	routeVerb   = map[string]bool{"GET": true, "Get": true, "HandleFunc": true, "Handle": true}
	fixed       = regexp.MustCompile(`^[\w.-]*:\d{2,5}$`)
)

func (v *visitor) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		v.call(n)
	case *ast.CompositeLit:
		if v.names(n.Type, "net/http", "Server") {
			for _, e := range n.Elts {
				if pair, ok := e.(*ast.KeyValueExpr); ok {
					v.serverField(pair)
				}
			}
		}
	case *ast.AssignStmt:
		if len(n.Lhs) == 1 && len(n.Rhs) == 1 {
			if selector, ok := n.Lhs[0].(*ast.SelectorExpr); ok && selector.Sel.Name == "Handler" && v.imports["http"] == "net/http" {
				v.site(n.Rhs[0], wrapHandler)
			}
		}
	}
	return true
}

func (v *visitor) serverField(pair *ast.KeyValueExpr) {
	key, ok := pair.Key.(*ast.Ident)
	if !ok {
		return
	}
	switch key.Name {
	case "Handler":
		v.site(pair.Value, wrapHandler)
	case "Addr":
		if text := literal(pair.Value); fixed.MatchString(text) {
			v.found.Fixed = text
		}
	}
}

func (v *visitor) names(x ast.Expr, path, name string) bool {
	selector, ok := x.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	pkg, ok := selector.X.(*ast.Ident)
	return ok && v.imports[pkg.Name] == path
}

func literal(x ast.Expr) string {
	l, ok := x.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(l.Value)
	if err != nil {
		return ""
	}
	return text
}

func (v *visitor) call(c *ast.CallExpr) {
	if ident, ok := c.Fun.(*ast.Ident); ok && envFunction.MatchString(ident.Name) && len(c.Args) > 0 {
		v.env(literal(c.Args[0])) // a helper of its own around os.Getenv
		return
	}
	selector, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	name := selector.Sel.Name
	pkg := ""
	if ident, ok := selector.X.(*ast.Ident); ok {
		pkg = v.imports[ident.Name]
	}
	switch {
	case pkg == "net/http" && (name == "ListenAndServe" || name == "Serve") && len(c.Args) == 2:
		v.site(c.Args[1], wrapHandler)
		v.address(c.Args[0])
	case pkg == "net/http" && name == "ListenAndServeTLS" && len(c.Args) == 4:
		v.site(c.Args[3], wrapHandler)
	case pkg == "" && name == "Run" && len(c.Args) <= 1 && v.has("github.com/gin-gonic/gin"):
		if len(c.Args) == 1 {
			v.address(c.Args[0])
		}
		v.site(c, runGin)
	case pkg == "" && name == "Start" && len(c.Args) == 1 && v.has("github.com/labstack/echo"):
		v.address(c.Args[0])
		v.site(c, useEcho)
	case name == "Listen" && v.has("github.com/gofiber/fiber"), pkg == "google.golang.org/grpc" && name == "NewServer":
		v.site(c, unwatched)
	case pkg == "os" && (name == "Getenv" || name == "LookupEnv") && len(c.Args) == 1:
		v.env(literal(c.Args[0]))
	case (pkg == "flag" || pkg == "github.com/spf13/pflag" || pkg == "") && (strings.HasPrefix(name, "String") || strings.HasPrefix(name, "Int")):
		v.flag(name, c)
	case routeVerb[name] && len(c.Args) >= 1:
		v.route(literal(c.Args[0]))
	}
}

// envFunction matches the names that such helpers have.
var envFunction = regexp.MustCompile(`(?i)(get|lookup|from|or)_?env|env_?(or|var|val|default)`)

func (v *visitor) has(prefix string) bool {
	for _, path := range v.imports {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func (v *visitor) address(x ast.Expr) {
	if text := literal(x); fixed.MatchString(text) {
		v.found.Fixed = text
	}
}

func (v *visitor) env(name string) {
	if name == "" {
		return
	}
	v.found.Env = append(v.found.Env, name)
	if bindWord.MatchString(name) && otherServer.MatchString(name) {
		v.found.Others = append(v.found.Others, name)
	} else if envAddress.MatchString(name) && !regexp.MustCompile(`(?i)redis|postgres|mysql|mongo|smtp|pop3|imap|grpc|ldap|remote|relay|db_|database|proxy|metrics`).MatchString(name) {
		v.found.AddressEnv = append(v.found.AddressEnv, name)
	}
}

// flag notes the flag that sets the address: flag.String("listen", …), cobra's Flags().StringVarP(&x, "addr", …).
func (v *visitor) flag(fn string, c *ast.CallExpr) {
	at := 0
	if strings.Contains(fn, "Var") {
		at = 1
	}
	if len(c.Args) <= at+1 {
		return
	}
	name := literal(c.Args[at])
	if v.found.AddressFlag == "" && addressWord.MatchString(name) && !strings.Contains(name, "metric") && !strings.Contains(name, "debug") {
		v.found.AddressFlag = name
	}
}

func (v *visitor) route(pattern string) {
	pattern = strings.TrimPrefix(pattern, "GET ")
	if !strings.HasPrefix(pattern, "/") {
		return
	}
	v.found.Metrics = v.found.Metrics || pattern == "/metrics"
	v.found.Health = v.found.Health || regexp.MustCompile(`^/(healthz?|livez|readyz|ping)$`).MatchString(pattern)
	if !strings.ContainsAny(pattern, "{}:*") {
		v.found.Routes = append(v.found.Routes, pattern)
	}
}

// tidy removes what was seen twice.
func (f *Found) tidy() {
	for _, list := range []*[]string{&f.Routers, &f.Clients, &f.Settings, &f.AddressEnv, &f.Others, &f.Env, &f.Routes} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	if len(f.Routers) == 0 {
		f.Routers = []string{"net/http"}
	}
}
