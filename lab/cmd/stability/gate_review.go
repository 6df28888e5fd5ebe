package main

import (
	"context"
	"flag"
	"io"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/contracts"
	"github.com/falsifiable/stability/lab/gate/review"
	"github.com/falsifiable/stability/lab/gate/start"
	"github.com/falsifiable/stability/lab/gate/toolchain"
	"github.com/falsifiable/stability/lab/gate/warmup"
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

func setupToolchain(flags *flag.FlagSet, f *gateFlags) func(context.Context, []string, io.Writer) (*gate.Report, error) {
	var cfg toolchain.Config
	flags.StringVar(&cfg.From, "from", "", "the Go `version` before, such as 1.24; defaults to the go line at the base")
	flags.StringVar(&cfg.To, "to", "", "the Go `version` after; defaults to the go line as it is")
	return func(ctx context.Context, _ []string, _ io.Writer) (*gate.Report, error) {
		cfg.Dir, cfg.Base = f.dir, f.base
		return toolchain.Run(ctx, cfg)
	}
}

func setupStart(flags *flag.FlagSet, f *gateFlags) func(context.Context, []string, io.Writer) (*gate.Report, error) {
	limit := flags.Duration("limit", 30*time.Second, "how long a start may take")
	return func(ctx context.Context, args []string, _ io.Writer) (*gate.Report, error) {
		return start.Run(ctx, start.Config{Dir: f.dir, Services: args, Limit: *limit})
	}
}

func setupWarmup(flags *flag.FlagSet, _ *gateFlags) func(context.Context, []string, io.Writer) (*gate.Report, error) {
	var cfg warmup.Config
	flags.StringVar(&cfg.Prometheus, "prometheus", "", "the `URL` of the Prometheus that scrapes the service; required")
	flags.StringVar(&cfg.Service, "service", "", "the value of the `label` service; defaults to all")
	flags.IntVar(&cfg.Days, "days", 7, "how many `days` the checks must have watched")
	flags.IntVar(&cfg.Allowed, "allow", 0, "how many false alarms a check may have had")
	flags.Float64Var(&cfg.Coverage, "coverage", 0.95, "the `share` of the hours in which a check must have been there")
	flags.Func("incidents", "a `file` with lines \"START END what happened\", times as RFC 3339; may be given more than once", func(name string) error {
		cfg.Incidents = append(cfg.Incidents, name)
		return nil
	})
	flags.StringVar(&cfg.Annotations, "annotations", "", "a `URL` of Grafana's annotations API: each annotation is an incident")
	return func(ctx context.Context, _ []string, _ io.Writer) (*gate.Report, error) { return warmup.Run(ctx, cfg) }
}

func setupContracts(_ *flag.FlagSet, f *gateFlags) func(context.Context, []string, io.Writer) (*gate.Report, error) {
	return func(ctx context.Context, args []string, _ io.Writer) (*gate.Report, error) {
		return contracts.Run(ctx, contracts.Config{Dir: f.dir, Services: args})
	}
}
