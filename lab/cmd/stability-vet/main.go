// Command stability-vet runs the analyzers of stability: by itself, as `stability vet` does, or under
// go vet -vettool=$(which stability-vet).
package main

import (
	"os"

	"github.com/falsifiable/stability/lab/analysis/vet"
)

func main() { os.Exit(vet.Main(os.Args[1:], os.Stdout, os.Stderr)) }
