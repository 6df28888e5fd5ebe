package main

import (
	"context"
	"io"

	"github.com/falsifiable/stability/lab/analysis/escape"
	"github.com/falsifiable/stability/lab/analysis/vet"
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
