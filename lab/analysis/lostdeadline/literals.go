package lostdeadline

import "go/ast"

// literal reports servers and clients without timeouts: given neither in the literal nor by an assignment later.
func (c *checker) literal(lit *ast.CompositeLit) {
	t := c.pass.TypesInfo.TypeOf(lit)
	switch {
	case named(t, "net/http", "Server"):
		if len(lit.Elts) > 0 && !c.has(lit, "ReadTimeout", "ReadHeaderTimeout") {
			c.pass.Reportf(lit.Pos(), "http.Server without ReadHeaderTimeout or ReadTimeout: a slow client holds its connection for good")
		}
	case named(t, "net/http", "Client"):
		if c.ctx != "" || c.has(lit, "Timeout") {
			return
		}
		switch b := c.pkg.fields.client(lit); {
		case b == free:
			c.pass.Reportf(lit.Pos(), "http.Client without Timeout, and a request that it makes has no context: a server that does not answer is waited for without end; set Timeout, or use NewRequestWithContext")
		case b == unsure && !c.pkg.bounded:
			c.pass.Reportf(lit.Pos(), "http.Client without Timeout, and no context here bounds its requests; set Timeout, or use NewRequestWithContext")
		}
	}
}

// has tells whether one of the names is set in lit, or afterwards in the variable that it is kept in.
func (c *checker) has(lit *ast.CompositeLit, names ...string) bool {
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return true // positional: all fields are there
		}
		id, ok := kv.Key.(*ast.Ident)
		for _, name := range names {
			if ok && id.Name == name {
				return true
			}
		}
	}
	return c.pkg.fields.setLater(lit, names)
}
