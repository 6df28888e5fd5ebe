package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability/lab/adopt"
)

const initHelp = `stability init [flags] [DIR] takes the service in DIR to a contract that can be proven.

  stability init ./cmd/payment          show what was found and what would be written, as a diff
  stability init -write ./cmd/payment   write it, and let the go command fetch and generate what it needs

It changes one line in main and wraps the handler where it is given to the server; all else is in new files. Nothing that is
there is overwritten, a second run does nothing, and git undoes it.
Exit codes: 0 done or shown, 1 a command of go failed, 2 usage, or there is no one service here.

`

func runInit(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cfg adopt.Config
	flags := flag.NewFlagSet("init", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	write := flags.Bool("write", false, "write the files and run the commands")
	flags.StringVar(&cfg.CI, "ci", "", "`github`, gitlab or none; defaults to what the repository has")
	flags.StringVar(&cfg.Library, "library", "", "use the library's source in this `directory` and no published version")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stderr, initHelp)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
		return exitOK
	}
	if err == nil && flags.NArg() > 1 {
		err = fmt.Errorf("give one directory; got %d", flags.NArg())
	}
	if err == nil && cfg.CI != "" && cfg.CI != "github" && cfg.CI != "gitlab" && cfg.CI != "none" {
		err = fmt.Errorf("-ci: %q is none of github, gitlab, none", cfg.CI)
	}
	if err != nil {
		fmt.Fprintln(stderr, "stability init:", err)
		return exitUsage
	}
	cfg.Dir = "."
	if flags.NArg() == 1 {
		cfg.Dir = flags.Arg(0)
	}
	plan, err := adopt.Make(ctx, cfg)
	if err != nil {
		fmt.Fprintln(stderr, "stability init:", strings.TrimPrefix(err.Error(), "adopt: "))
		return exitUsage
	}
	showFound(stdout, plan)
	if len(plan.Changes) == 0 {
		fmt.Fprintln(stdout, "\nnothing to do: it is all there")
		return exitOK
	}
	fmt.Fprintf(stdout, "\n%s", plan.Diff())
	if !*write {
		fmt.Fprintln(stdout, "\nnothing was written; stability init -write writes it, and then runs")
		for _, c := range plan.Commands {
			fmt.Fprintln(stdout, "  "+strings.Join(c, " "))
		}
		return exitOK
	}
	return carryOut(ctx, plan, stdout, stderr)
}

func showFound(w io.Writer, p *adopt.Plan) {
	f := p.Found
	line := func(name string, values ...string) {
		if text := strings.Join(values, ", "); text != "" {
			fmt.Fprintf(w, "%-9s %s\n", name, text)
		}
	}
	line("service", f.Name+" in "+f.Main)
	line("router", f.Routers...)
	line("clients", f.Clients...)
	line("settings", f.Settings...)
	switch {
	case len(f.AddressEnv) > 0:
		line("address", "from the environment: "+strings.Join(f.AddressEnv, ", "))
	case f.AddressFlag != "":
		line("address", "from the flag -"+f.AddressFlag)
	case f.Fixed != "":
		line("address", "always "+f.Fixed)
	default:
		line("address", "not found")
	}
	line("routes", f.Routes...)
	for name, yes := range map[string]bool{"vendor": f.Vendor, "go.work": f.Work} {
		if yes {
			line(name, "yes")
		}
	}
	if f.Metrics || f.Health {
		line("pages", fmt.Sprintf("its own /metrics: %v, its own health: %v; ours are put on an address of their own by STABILITY_LISTEN", f.Metrics, f.Health))
	}
	for _, m := range p.Missing {
		line("missing", m)
	}
}

func carryOut(ctx context.Context, p *adopt.Plan, stdout, stderr io.Writer) int {
	if err := p.Write(); err != nil {
		fmt.Fprintln(stderr, "stability init:", err)
		return exitFailed
	}
	path := os.Getenv("PATH")
	if self, err := os.Executable(); err == nil { // stability-contract is installed beside it
		path = filepath.Dir(self) + string(os.PathListSeparator) + path
	}
	for _, c := range p.Commands {
		fmt.Fprintln(stdout, "+", strings.Join(c, " "))
		command := exec.CommandContext(ctx, c[0], c[1:]...)
		command.Dir = p.Found.Module
		command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "PATH="+path)
		if output, err := command.CombinedOutput(); err != nil {
			fmt.Fprintf(stderr, "stability init: %s: %v\n%s", strings.Join(c, " "), err, output)
			return exitFailed
		}
	}
	fmt.Fprintln(stdout, "\nwritten; next:")
	for _, n := range p.Next {
		fmt.Fprintln(stdout, "  "+n)
	}
	return exitOK
}
