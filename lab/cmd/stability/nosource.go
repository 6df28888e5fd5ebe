//go:build nosource

package main

import (
	"context"
	"fmt"
	"io"
)

// With -tags nosource the program leaves out the commands that look at source, and the experiments. It then builds in
// half the time, so that a first look at falsify comes sooner, and it suits an image that has no source in it.

func leftOut(_ context.Context, _ []string, _, stderr io.Writer) int {
	fmt.Fprintln(stderr, "stability: this command is left out of a build with -tags nosource; make install builds them all")
	return exitUsage
}

var runTest, runVet, runEscape, runExplain, runExperiment = leftOut, leftOut, leftOut, leftOut, leftOut

func serveVet() {}
