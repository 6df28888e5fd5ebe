// Package stdlib tells the standard library from other code, and which of it the suite's facts are about.
package stdlib

import "strings"

// roots are the first elements of the standard library's import paths.
var roots = map[string]bool{
	"archive": true, "bufio": true, "builtin": true, "bytes": true, "cmp": true, "compress": true, "container": true, "context": true,
	"crypto": true, "database": true, "debug": true, "embed": true, "encoding": true, "errors": true, "expvar": true, "flag": true,
	"fmt": true, "go": true, "hash": true, "html": true, "image": true, "index": true, "internal": true, "io": true, "iter": true,
	"log": true, "maps": true, "math": true, "mime": true, "net": true, "os": true, "path": true, "plugin": true, "reflect": true,
	"regexp": true, "runtime": true, "slices": true, "sort": true, "strconv": true, "strings": true, "structs": true, "sync": true,
	"syscall": true, "testing": true, "text": true, "time": true, "unicode": true, "unique": true, "unsafe": true, "vendor": true,
	"weak": true,
}

// Contains tells whether the package of that import path, in the module of that path, is one of the standard library,
// whose packages have no module.
func Contains(module, path string) bool {
	root, _, _ := strings.Cut(path, "/")
	return module == "" && roots[root]
}

// HasFacts tells whether a fact of the suite may be about the standard package of that path. Which of its functions wait
// is said by a table (see waits); facts are left to those that never return, and only these packages have such
// functions that others call.
func HasFacts(path string) bool {
	switch path {
	case "log", "os", "runtime", "syscall", "testing":
		return true
	}
	return false
}
