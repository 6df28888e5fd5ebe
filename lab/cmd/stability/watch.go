package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/falsifiable/stability/internal/printable"
	"github.com/falsifiable/stability/lab/watch"
)

const watchHelp = `stability watch [flags] URL shows the console of a service in a terminal, until Ctrl-C.

  stability watch http://localhost:6061/debug/stability/
  stability watch -once http://localhost:6061/debug/stability/ | grep violated
  STABILITY_TOKEN=… stability watch http://10.0.0.7:6061/debug/stability/

Where the output is no terminal it prints each change of state, and what defenses did, in a line. A token is read from STABILITY_TOKEN.
Exit codes: 0 ended by Ctrl-C, or -once and nothing violated; 1 -once and something is violated; 2 usage, or the service cannot be watched.

`

func runWatch(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	stderr = printable.Writer(stderr)
	flags := flag.NewFlagSet("watch", flag.ContinueOnError)
	flags.SetOutput(stderr)
	once := flags.Bool("once", false, "print what is so now, and end")
	trouble := flags.Bool("trouble", false, "only checks that are violated or pending")
	flags.Usage = func() {
		fmt.Fprint(stderr, watchHelp)
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() != 1:
		fmt.Fprintln(stderr, "stability watch: give the address of a console, such as http://localhost:6061/debug/stability/")
		return exitUsage
	}
	code := exitOK
	show := changes(stdout)
	if file, ok := stdout.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		show = frames(file, *trouble)
	}
	if *once {
		show = func(v *watch.View) bool {
			fmt.Fprint(stdout, watch.Screen{Width: 200, Trouble: *trouble}.Draw(v))
			if v.Violated() {
				code = exitFailed
			}
			return false
		}
	}
	err := watch.Stream(ctx, flags.Arg(0), os.Getenv("STABILITY_TOKEN"), show)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(stderr, "stability:", err)
		return exitUsage
	}
	return code
}

// frames draws each view over the last.
func frames(file *os.File, trouble bool) func(*watch.View) bool {
	return func(v *watch.View) bool {
		width, height, err := term.GetSize(int(file.Fd()))
		if err != nil {
			width, height = 100, 0
		}
		_, err = fmt.Fprint(file, "\x1b[H\x1b[J"+watch.Screen{Width: width, Height: max(0, height-1), Color: os.Getenv("NO_COLOR") == "", Trouble: trouble}.Draw(v))
		return err == nil
	}
}

// changes prints each change of state once, and each action.
func changes(w io.Writer) func(*watch.View) bool {
	w = printable.Writer(w)
	var seen, done uint64
	return func(v *watch.View) bool {
		var err error
		tell := func(at time.Time, text string) {
			_, failed := fmt.Fprintln(w, at.Format("2006-01-02T15:04:05.000Z07:00"), text)
			err = errors.Join(err, failed)
		}
		for _, t := range v.Transitions {
			if t.Seq > seen {
				seen = t.Seq
				tell(t.At, line(t))
			}
		}
		for _, a := range v.Actions {
			if a.Seq > done {
				done = a.Seq
				tell(a.At, a.String())
			}
		}
		return err == nil
	}
}
