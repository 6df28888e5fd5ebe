package a

import "github.com/falsifiable/stability"

var _ = &stability.Contract{
	Name: "a",
	Checks: []stability.Check{
		{Name: "goroutines", Expr: "runtime.NumGoroutine() > 2000"},
		{Name: "heap", Expr: "mem.HeapInuse >= 800 * 1024 * 1024"},
		{Name: "dims", Expr: "mem.HeapInuse > 5s"},      // want `bytes`
		{Name: "slip", Expr: "go.gorutine.count > 10"},  // want `unknown signal`
		{Name: "syntax", Expr: "mem.HeapInuse >"},       // want `expr: compiling`
		{Name: "own", Expr: "orders.waiting > 10"},      // the service's own
		{Name: "own", Expr: "go.goroutine.count > 100"}, // want `check "own" is there twice`
	},
}

var _ = &stability.Contract{Checks: []stability.Check{}} // want `no name` `no checks`
