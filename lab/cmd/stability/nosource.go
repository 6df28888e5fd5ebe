//go:build nosource

package main

import (
	"context"
	"fmt"
	"io"
)

// With -tags nosource the program leaves out what looks at source, and the experiments. It then builds in half the time, which is what a
// first look at falsify waits for, and suits an image that has no source in it.

func leftOut(_ context.Context, _ []string, _, stderr io.Writer) int {
	fmt.Fprintln(stderr, "stability: this command is left out of a build with -tags nosource; make install builds them all")
	return exitUsage
}

var runTest, runVet, runEscape, runExplain, runExperiment = leftOut, leftOut, leftOut, leftOut, leftOut

func serveVet() {}
