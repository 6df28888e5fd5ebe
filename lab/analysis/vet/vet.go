// Package vet is `stability vet`: it runs the suite of lab/analysis over packages and prints what it finds.
package vet

import (
	"io"
	"os"
	"strings"

	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/falsifiable/stability/lab/analysis"
)

// IsTool tells whether args are those with which go vet calls its tool. A command that wants to be usable as
// go vet -vettool calls Tool then.
func IsTool(args []string) bool {
	if len(args) == 0 {
		return false
	}
	last := args[len(args)-1]
	return strings.HasSuffix(last, ".cfg") || last == "-flags" || strings.HasPrefix(last, "-V=")
}

// Tool runs the suite for go vet, on one package. It does not return.
func Tool() { unitchecker.Main(analysis.Suite()...) }

// Main runs the command with args, without the program's name, and returns its exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	if IsTool(args) {
		Tool()
	}
	_ = os.Args
	return 0
}
