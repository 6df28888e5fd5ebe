// Command stability proves, tests and explains the stability contracts of Go services.
//
//	stability falsify ./cmd/payment    try to prove every contract of a service wrong
//	stability test ./...               go test under adversarial schedules
//	stability vet ./...                static analysis of the root causes
//	stability replay BUNDLE            judge a recorded violation again
//	stability doctor deploy.yaml       check how a service is set up to run
//
// Every command has -h; those that judge have -json for machines.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes that all commands share.
const (
	exitOK     = 0
	exitFailed = 1 // what was looked for is not so: refuted, found, not reproduced
	exitUsage  = 2
)

// command is one of the program's verbs.
type command struct {
	name    string
	summary string
	run     func(ctx context.Context, args []string, stdout, stderr io.Writer) int
}

func commands() []command {
	return []command{
		{"falsify", "try to prove every contract of a service wrong", runFalsify},
		{"test", "run go test under adversarial schedules", runTest},
		{"vet", "analyze source for the root causes", runVet},
		{"escape", "report and bound what escapes to the heap", runEscape},
		{"explain", "tell what an analyzer of vet looks for", runExplain},
		{"replay", "judge a recorded violation again", runReplay},
		{"evidence", "verify a bundle of evidence, or explain it in words", runEvidence},
		{"watch", "show the console of a service in a terminal", runWatch},
		{"leaks", "group the goroutines of a dump, and tell what grows", runLeaks},
		{"gate", "judge a change before it is merged", runGate},
		{"drill", "hold a running service to a recovery criterion", runDrill},
		{"init", "take a service to a contract that can be proven", runInit},
		{"doctor", "check how a service is set up to run", runDoctor},
		{"experiment", "measure pool settings on a real PostgreSQL", runExperiment},
	}
}

func main() {
	serveVet()
	// The first Ctrl-C asks to end in order: faults removed, children ended, reports written. The second kills. A terminal that
	// is closed asks the same; whoever ignores that, as nohup does, goes on.
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stderr)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(stdout)
		return exitOK
	}
	for _, c := range commands() {
		if c.name == args[0] {
			if why := missing(c.name, args[1:]); why != "" {
				fmt.Fprintf(stderr, "stability %s: not on this system: %s\n", c.name, why)
				return exitUsage
			}
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "stability: there is no command %q\n\n", args[0])
	usage(stderr)
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, "stability proves, tests and explains the stability contracts of Go services.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  stability %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nstability COMMAND -h tells more and gives examples.\n")
}
