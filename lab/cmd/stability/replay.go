package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/internal/printable"
)

const replayHelp = `stability replay BUNDLE feeds the recorded history of a violation through the engine again.

  stability replay /var/lib/payment/evidence/20261124T235125.123456Z-payment-goroutines-1b5e77a0
  stability replay --json BUNDLE | jq .

It prints the changes of state that follow, and says whether the recorded one is among them: a contract that was
changed since can be tried on an old incident, and a bug in the engine would show here.
Exit codes: 0 the same transition, 1 another outcome, 2 usage, or no readable bundle.

`

// replayed is the result of a replay, as --json prints it.
type replayed struct {
	Bundle      string                 `json:"bundle"`
	Recorded    stability.Transition   `json:"recorded"`
	Transitions []stability.Transition `json:"transitions"`
	Same        bool                   `json:"same"`
}

func runReplay(_ context.Context, args []string, stdout, stderr io.Writer) int {
	stdout, stderr = printable.Writer(stdout), printable.Writer(stderr) // a bundle may come from anybody
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print JSON")
	flags.Usage = func() {
		fmt.Fprint(stderr, replayHelp)
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() != 1:
		fmt.Fprintln(stderr, "stability replay: give one bundle, a directory with a manifest.json")
		return exitUsage
	}
	result, err := replay(flags.Arg(0))
	if err != nil {
		fmt.Fprintln(stderr, "stability replay:", err)
		return exitUsage
	}
	if *asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(result)
	} else {
		err = result.print(stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "stability replay:", err)
		return exitFailed
	}
	if !result.Same {
		return exitFailed
	}
	return exitOK
}

func replay(path string) (replayed, error) {
	bundle, err := evidence.Read(path)
	if err != nil {
		return replayed{}, err
	}
	var recording stability.Recording
	if err := bundle.Decode(stability.RecordingDocument, &recording); err != nil {
		return replayed{}, err
	}
	transitions, err := recording.Replay()
	if err != nil {
		return replayed{}, err
	}
	want := recording.Transition
	same := slices.ContainsFunc(transitions, func(got stability.Transition) bool {
		return got.Age == want.Age && got.To == want.To && got.Labels == want.Labels &&
			got.Value == want.Value && got.Threshold == want.Threshold
	})
	return replayed{Bundle: path, Recorded: want, Transitions: transitions, Same: same}, nil
}

func (r replayed) print(w io.Writer) error {
	fmt.Fprintf(w, "recorded  %s\n\nreplayed\n", line(r.Recorded))
	for _, t := range r.Transitions {
		fmt.Fprintf(w, "  %s\n", line(t))
	}
	verdict := "\nThe replay shows the recorded transition.\n"
	if !r.Same {
		verdict = "\nThe replay does NOT show the recorded transition: the history it depends on is no longer all there, or the engine judges differently now.\n"
	}
	_, err := fmt.Fprint(w, verdict)
	return err
}

func line(t stability.Transition) string {
	text := fmt.Sprintf("%-10v %s/%s%s: %s -> %s", t.Age, t.Contract, t.Check, t.Labels, t.From, t.To)
	if t.To == stability.Unknown {
		return text + " (" + t.Reason + ")"
	}
	return text + fmt.Sprintf(" (value %.6g, threshold %.6g)", t.Value, t.Threshold)
}
