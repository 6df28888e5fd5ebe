package main

import (
	"context"
	"flag"
	"io"
	"strings"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/contracts"
	"github.com/falsifiable/stability/lab/gate/review"
)

func setupReview(flags *flag.FlagSet, f *gateFlags) func(context.Context, []string, io.Writer) (*gate.Report, error) {
	labels := flags.String("labels", "", "the pull request's `labels`, with commas between")
	document := flags.String("document", "", "judge this `file` alone, without a change")
	template := flags.Bool("template", false, "print a "+review.DocumentName+" to begin with, and judge nothing")
	return func(ctx context.Context, _ []string, stdout io.Writer) (*gate.Report, error) {
		cfg := review.Config{Dir: f.dir, Base: f.base, Document: *document}
		for label := range strings.SplitSeq(*labels, ",") {
			cfg.Labels = append(cfg.Labels, strings.TrimSpace(label))
		}
		outcome, err := review.Run(ctx, cfg)
		switch {
		case err != nil:
			return nil, err
		case *template:
			return nil, outcome.WriteTemplate(stdout)
		case f.json:
			return outcome.Report, nil
		}
		return outcome.Report, outcome.WriteTable(stdout)
	}
}

func setupContracts(_ *flag.FlagSet, f *gateFlags) func(context.Context, []string, io.Writer) (*gate.Report, error) {
	return func(ctx context.Context, args []string, _ io.Writer) (*gate.Report, error) {
		return contracts.Run(ctx, contracts.Config{Dir: f.dir, Services: args})
	}
}
