package toolchain

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

func findPanicNil(f *facts) (found []place) {
	f.inspect(func(file goFile, n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 || !isIdent(call.Fun, "panic") || !isIdent(call.Args[0], "nil") {
			return true
		}
		found = append(found, f.at(file, call.Pos(), "panic(nil)"))
		return true
	})
	return found
}

func isIdent(x ast.Expr, name string) bool {
	ident, ok := x.(*ast.Ident)
	return ok && ident.Name == name
}

// findLoopClosures looks for goroutines and deferred calls that use a loop's variable without a copy of it.
func findLoopClosures(f *facts) (found []place) {
	f.inspect(func(file goFile, n ast.Node) bool {
		vars, body := loopVariables(n)
		if len(vars) == 0 {
			return true
		}
		for _, statement := range body.List {
			if assign, ok := statement.(*ast.AssignStmt); ok && assign.Tok == token.DEFINE {
				for _, left := range assign.Lhs { // v := v
					if ident, ok := left.(*ast.Ident); ok {
						delete(vars, ident.Name)
					}
				}
			}
			var call *ast.CallExpr
			switch s := statement.(type) {
			case *ast.GoStmt:
				call = s.Call
			case *ast.DeferStmt:
				call = s.Call
			default:
				continue
			}
			if literal, ok := call.Fun.(*ast.FuncLit); ok {
				if name := uses(literal, vars); name != "" {
					found = append(found, f.at(file, literal.Pos(), "a closure over "+name))
				}
			}
		}
		return true
	})
	return found
}

func loopVariables(n ast.Node) (map[string]bool, *ast.BlockStmt) {
	vars := map[string]bool{}
	add := func(x ast.Expr) {
		if ident, ok := x.(*ast.Ident); ok && ident.Name != "_" {
			vars[ident.Name] = true
		}
	}
	switch n := n.(type) {
	case *ast.RangeStmt:
		if n.Tok == token.DEFINE {
			add(n.Key)
			add(n.Value)
		}
		return vars, n.Body
	case *ast.ForStmt:
		if assign, ok := n.Init.(*ast.AssignStmt); ok && assign.Tok == token.DEFINE {
			for _, x := range assign.Lhs {
				add(x)
			}
		}
		return vars, n.Body
	}
	return nil, nil
}

// uses returns a variable that a literal uses and does not take as a parameter.
func uses(literal *ast.FuncLit, vars map[string]bool) (name string) {
	own := map[string]bool{}
	for _, field := range literal.Type.Params.List {
		for _, ident := range field.Names {
			own[ident.Name] = true
		}
	}
	ast.Inspect(literal.Body, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			ast.Inspect(selector.X, func(n ast.Node) bool {
				if ident, ok := n.(*ast.Ident); ok && vars[ident.Name] && !own[ident.Name] {
					name = ident.Name
				}
				return true
			})
			return false
		}
		if ident, ok := n.(*ast.Ident); ok && vars[ident.Name] && !own[ident.Name] {
			name = ident.Name
		}
		return name == ""
	})
	return name
}

// findMuxPatterns looks for patterns with a brace that are given to net/http; patterns of another package's router do
// not matter.
func findMuxPatterns(f *facts) (found []place) {
	for _, file := range f.files {
		muxes := map[string]bool{}
		ast.Inspect(file.File, func(n ast.Node) bool {
			if assign, ok := n.(*ast.AssignStmt); ok && len(assign.Lhs) == len(assign.Rhs) {
				for i, right := range assign.Rhs {
					call, ok := right.(*ast.CallExpr)
					left, named := assign.Lhs[i].(*ast.Ident)
					if ok && named && file.names(call.Fun, "net/http", "NewServeMux") {
						muxes[left.Name] = true
					}
				}
			}
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 2 {
				return true
			}
			selector, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || selector.Sel.Name != "Handle" && selector.Sel.Name != "HandleFunc" {
				return true
			}
			on, ok := selector.X.(*ast.Ident)
			if !ok || !muxes[on.Name] && file.imports[on.Name] != "net/http" {
				return true
			}
			if pattern := literalString(call.Args[0]); strings.ContainsAny(pattern, "{}") {
				found = append(found, f.at(file, call.Pos(), "the pattern "+strconv.Quote(pattern)))
			}
			return true
		})
	}
	return found
}

func literalString(x ast.Expr) string {
	literal, ok := x.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return text
}

func (f *facts) literals(path, name string, visit func(goFile, *ast.CompositeLit)) {
	f.inspect(func(file goFile, n ast.Node) bool {
		if literal, ok := n.(*ast.CompositeLit); ok && file.names(literal.Type, path, name) {
			visit(file, literal)
		}
		return true
	})
}

func hasField(literal *ast.CompositeLit, name string) bool {
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok && isIdent(pair.Key, name) {
			return true
		}
	}
	return false
}

// findTLSServers looks for servers that leave the lowest version to Go.
func findTLSServers(f *facts) (found []place) {
	f.literals("crypto/tls", "Config", func(file goFile, literal *ast.CompositeLit) {
		if (hasField(literal, "Certificates") || hasField(literal, "GetCertificate")) && !hasField(literal, "MinVersion") {
			found = append(found, f.at(file, literal.Pos(), "a tls.Config of a server without MinVersion"))
		}
	})
	for _, name := range []string{"ListenAndServeTLS", "ServeTLS"} {
		f.calls("net/http", name, func(file goFile, call *ast.CallExpr) {
			found = append(found, f.at(file, call.Pos(), "http."+name))
		})
	}
	return found
}

func findTLSConfigs(f *facts) (found []place) {
	f.literals("crypto/tls", "Config", func(file goFile, literal *ast.CompositeLit) {
		if !hasField(literal, "CipherSuites") {
			found = append(found, f.at(file, literal.Pos(), "a tls.Config that leaves the suites to Go"))
		}
	})
	return found
}

// findTimerLengths looks for len(t.C) and cap(t.C) in files that have timers.
func findTimerLengths(f *facts) (found []place) {
	f.inspect(func(file goFile, n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 || !isIdent(call.Fun, "len") && !isIdent(call.Fun, "cap") {
			return true
		}
		selector, ok := call.Args[0].(*ast.SelectorExpr)
		if ok && selector.Sel.Name == "C" && contains(file.imports, "time") {
			found = append(found, f.at(file, call.Pos(), "the length of a timer's channel"))
		}
		return true
	})
	return found
}

func contains(imports map[string]string, path string) bool {
	for _, p := range imports {
		if p == path {
			return true
		}
	}
	return false
}

// findTypeSwitches looks for switches over go/types that know named types and no aliases.
func findTypeSwitches(f *facts) (found []place) {
	f.inspect(func(file goFile, n ast.Node) bool {
		sw, ok := n.(*ast.TypeSwitchStmt)
		if !ok || !contains(file.imports, "go/types") {
			return true
		}
		named, alias := false, false
		for _, c := range sw.Body.List {
			for _, x := range c.(*ast.CaseClause).List {
				star, ok := x.(*ast.StarExpr)
				named = named || ok && file.names(star.X, "go/types", "Named")
				alias = alias || ok && file.names(star.X, "go/types", "Alias")
			}
		}
		if named && !alias {
			found = append(found, f.at(file, sw.Pos(), "a switch over types with *types.Named and without *types.Alias"))
		}
		return true
	})
	return found
}

// findServeContent looks for functions that set such a header and then serve a file.
func findServeContent(f *facts) (found []place) {
	f.inspect(func(file goFile, n ast.Node) bool {
		fn, ok := n.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			return true
		}
		header, serve := "", token.NoPos
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if file.names(call.Fun, "net/http", "ServeContent") || file.names(call.Fun, "net/http", "ServeFile") {
				serve = call.Pos()
			}
			if selector, ok := call.Fun.(*ast.SelectorExpr); ok && selector.Sel.Name == "Set" && len(call.Args) == 2 {
				switch name := literalString(call.Args[0]); strings.ToLower(name) {
				case "cache-control", "content-encoding", "etag", "last-modified":
					header = name
				}
			}
			return true
		})
		if header != "" && serve.IsValid() {
			found = append(found, f.at(file, serve, "a file served after "+header+" was set"))
		}
		return false
	})
	return found
}

func findParseCertificate(f *facts) (found []place) {
	for _, name := range []string{"ParseCertificate", "ParseCertificates"} {
		f.calls("crypto/x509", name, func(file goFile, call *ast.CallExpr) { found = append(found, f.at(file, call.Pos(), "x509."+name)) })
	}
	return found
}

func findCreateCertificate(f *facts) (found []place) {
	f.calls("crypto/x509", "CreateCertificate", func(file goFile, call *ast.CallExpr) {
		found = append(found, f.at(file, call.Pos(), "x509.CreateCertificate"))
	})
	return found
}

// findLinknames looks for names of the standard library: those have no dot in the first element of their path.
func findLinknames(f *facts) (found []place) {
	for _, file := range f.files {
		for _, group := range file.Comments {
			for _, c := range group.List {
				fields := strings.Fields(c.Text)
				if len(fields) == 3 && fields[0] == "//go:linkname" && standard(fields[2]) {
					found = append(found, f.at(file, c.Pos(), "the name "+fields[2]))
				}
			}
		}
	}
	return found
}

// standard reports whether a linker name is of the standard library, whose paths have no dot in their first element.
func standard(name string) bool {
	path := name
	if at := strings.LastIndex(name, "."); at >= 0 {
		path = name[:at]
	}
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && first != "main"
}

func findRandSeed(f *facts) (found []place) {
	f.calls("math/rand", "Seed", func(file goFile, call *ast.CallExpr) { found = append(found, f.at(file, call.Pos(), "rand.Seed")) })
	return found
}

func findSmallRSA(f *facts) (found []place) {
	f.calls("crypto/rsa", "GenerateKey", func(file goFile, call *ast.CallExpr) {
		if len(call.Args) != 2 {
			return
		}
		if literal, ok := call.Args[1].(*ast.BasicLit); ok {
			if bits, err := strconv.Atoi(literal.Value); err == nil && bits < 1024 {
				found = append(found, f.at(file, call.Pos(), "a key of "+literal.Value+" bits"))
			}
		}
	})
	return found
}

func findListeners(f *facts) (found []place) {
	f.calls("net", "Listen", func(file goFile, call *ast.CallExpr) { found = append(found, f.at(file, call.Pos(), "net.Listen")) })
	return found
}

// setsProcessors reports whether the program or its manifests decide GOMAXPROCS themselves.
func (f *facts) setsProcessors() bool {
	decided := false
	for _, file := range f.files {
		decided = decided || contains(file.imports, "go.uber.org/automaxprocs") || contains(file.imports, "go.uber.org/automaxprocs/maxprocs")
	}
	f.calls("runtime", "GOMAXPROCS", func(_ goFile, call *ast.CallExpr) {
		if len(call.Args) == 1 {
			if literal, ok := call.Args[0].(*ast.BasicLit); !ok || literal.Value != "0" {
				decided = true
			}
		}
	})
	return decided
}

func (f *facts) hasMain() bool {
	for _, file := range f.files {
		if file.Name.Name == "main" {
			return true
		}
	}
	return false
}

func findCPULimits(f *facts) (found []place) {
	if !f.hasMain() || f.setsProcessors() {
		return nil
	}
	for _, m := range f.manifests {
		if !m.mentions("GOMAXPROCS") && !m.mentions("containermaxprocs") {
			found = append(found, m.cpuLimits()...)
		}
	}
	return found
}

func findProcessorSizing(f *facts) (found []place) {
	if !f.hasMain() || f.setsProcessors() {
		return nil
	}
	f.calls("runtime", "GOMAXPROCS", func(file goFile, call *ast.CallExpr) {
		found = append(found, f.at(file, call.Pos(), "runtime.GOMAXPROCS(0)"))
	})
	return found
}

// findUseBeforeError looks for x, err := f() that is followed by a use of a field or method of x and only then by a look
// at err.
func findUseBeforeError(f *facts) (found []place) {
	f.inspect(func(file goFile, n ast.Node) bool {
		block, ok := n.(*ast.BlockStmt)
		if !ok {
			return true
		}
		for i := 0; i+2 < len(block.List); i++ {
			value, err := resultAndError(block.List[i])
			if value == "" || mentionsName(block.List[i+1], err) {
				continue
			}
			if pos := dereferences(block.List[i+1], value); pos.IsValid() && checks(block.List[i+2], err) {
				found = append(found, f.at(file, pos, value+" that is used before "+err+" is looked at"))
			}
		}
		return true
	})
	return found
}

// resultAndError returns the names of x, err := f(), if x may be a pointer as far as can be seen.
func resultAndError(s ast.Stmt) (value, err string) {
	assign, ok := s.(*ast.AssignStmt)
	if !ok || len(assign.Lhs) != 2 || len(assign.Rhs) != 1 {
		return "", ""
	}
	if _, ok := assign.Rhs[0].(*ast.CallExpr); !ok {
		return "", ""
	}
	first, ok1 := assign.Lhs[0].(*ast.Ident)
	second, ok2 := assign.Lhs[1].(*ast.Ident)
	if !ok1 || !ok2 || first.Name == "_" || !strings.HasPrefix(second.Name, "err") {
		return "", ""
	}
	return first.Name, second.Name
}

func mentionsName(n ast.Node, name string) (yes bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if ident, ok := n.(*ast.Ident); ok && ident.Name == name {
			yes = true
		}
		return !yes
	})
	return yes
}

// dereferences returns where a plain statement reads a field of a name, or calls its method at once. Not what is deferred or
// in a closure.
func dereferences(s ast.Stmt, name string) (at token.Pos) {
	switch s.(type) {
	case *ast.AssignStmt, *ast.ExprStmt:
	default:
		return token.NoPos
	}
	ast.Inspect(s, func(n ast.Node) bool {
		if _, literal := n.(*ast.FuncLit); literal {
			return false
		}
		if selector, ok := n.(*ast.SelectorExpr); ok && isIdent(selector.X, name) {
			at = selector.Pos()
		}
		return !at.IsValid()
	})
	return at
}

// checks reports whether a statement is "if err != nil".
func checks(s ast.Stmt, err string) bool {
	branch, ok := s.(*ast.IfStmt)
	if !ok {
		return false
	}
	compare, ok := branch.Cond.(*ast.BinaryExpr)
	return ok && compare.Op == token.NEQ && isIdent(compare.X, err) && isIdent(compare.Y, "nil")
}

// findCustomRand looks for keys that are made with another reader than crypto/rand's.
func findCustomRand(f *facts) (found []place) {
	for _, fn := range [][2]string{{"crypto/rsa", "GenerateKey"}, {"crypto/ecdsa", "GenerateKey"}, {"crypto/ed25519", "GenerateKey"}} {
		f.calls(fn[0], fn[1], func(file goFile, call *ast.CallExpr) {
			if len(call.Args) == 0 {
				return
			}
			reader := call.Args[0]
			if len(call.Args) > 1 && fn[0] == "crypto/ecdsa" {
				reader = call.Args[1]
			}
			if !file.names(reader, "crypto/rand", "Reader") && !isIdent(reader, "nil") {
				found = append(found, f.at(file, call.Pos(), "a key made with a reader of its own"))
			}
		})
	}
	return found
}

// findURLColons looks for literal URLs that the strict parser refuses.
func findURLColons(f *facts) (found []place) {
	f.calls("net/url", "Parse", func(file goFile, call *ast.CallExpr) {
		if len(call.Args) != 1 {
			return
		}
		text := literalString(call.Args[0])
		_, rest, ok := strings.Cut(text, "://")
		host, _, _ := strings.Cut(rest, "/")
		if _, after, credentials := strings.Cut(host, "@"); credentials {
			host = after
		}
		if ok && !strings.HasPrefix(host, "[") && strings.Count(host, ":") > 1 {
			found = append(found, f.at(file, call.Pos(), "the URL "+strconv.Quote(text)))
		}
	})
	return found
}

func findGCTuning(f *facts) (found []place) {
	for _, name := range []string{"SetGCPercent", "SetMemoryLimit"} {
		f.calls("runtime/debug", name, func(file goFile, call *ast.CallExpr) { found = append(found, f.at(file, call.Pos(), "debug."+name)) })
	}
	for _, m := range f.manifests {
		for i, line := range m.lines {
			if strings.Contains(line, "GOGC") && !strings.HasPrefix(strings.TrimSpace(line), "#") {
				found = append(found, place{m.name, i + 1, "GOGC"})
			}
		}
	}
	return found
}
