package vet

import (
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/falsifiable/stability/lab/analysis"
)

// IsTool tells whether args, without the program's name, are those with which go vet calls its tool. A command that is to
// serve as go vet -vettool checks this first and calls [Tool].
func IsTool(args []string) bool {
	if len(args) == 0 {
		return false
	}
	last := args[len(args)-1]
	return strings.HasSuffix(last, ".cfg") || last == "-flags" || strings.HasPrefix(last, "-V=")
}

// Tool runs the suite on one package for go vet. It does not return.
//
// A process per package lives for a second: it collects less often than Go does by itself, for a tenth of the processor
// time and 30 MB, unless GOGC says otherwise.
func Tool() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if u := readUnit(os.Args[len(os.Args)-1]); u != nil && u.factless() && u.exportTypes() == nil {
		os.Exit(0)
	}
	unitchecker.Main(analysis.Suite()...)
}
