//go:build !nosource

package main

import (
	"context"
	"io"
	"os"

	"github.com/falsifiable/stability/lab/analysis/escape"
	"github.com/falsifiable/stability/lab/analysis/vet"
	"github.com/falsifiable/stability/lab/experiment/pool"
	"github.com/falsifiable/stability/lab/schedule/cli"
)

// The commands that look at source rather than at a running service have their own command lines.

func runTest(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return cli.Main(ctx, args, stdout, stderr)
}

func runVet(_ context.Context, args []string, stdout, stderr io.Writer) int {
	return vet.Main(args, stdout, stderr)
}

func runEscape(_ context.Context, args []string, stdout, stderr io.Writer) int {
	return escape.Main(args, stdout, stderr)
}

func runExplain(_ context.Context, args []string, stdout, stderr io.Writer) int {
	return vet.Explain(args, stdout, stderr)
}

func runExperiment(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return pool.Main(ctx, args, stdout, stderr)
}

// serveVet answers go vet -vettool=$(which stability), and then exits the process. If it is not go vet that has started
// this process, it returns.
func serveVet() {
	if vet.IsTool(os.Args[1:]) {
		vet.Tool()
	}
}
