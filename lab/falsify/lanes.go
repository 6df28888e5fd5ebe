package falsify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/falsify/experiment"
	"github.com/falsifiable/stability/lab/falsify/process"
)

// A start may take so many times as long as the first, and by so much more: later ones share the machine.
const (
	startPatience = 10
	leastPatience = 10 * time.Second
)

// errEnded is a service that a second one has ended.
var errEnded = errors.New("falsify: a second service ended the first")

// findLanes lets runs be one after another if the service cannot run twice at the same time: because it listens on the same
// port whatever it is told, or because a second one does not come up, or ends the first, while that one lives.
func (f *falsification) findLanes(ctx context.Context, first *subject) error {
	if f.report.Lanes <= 1 {
		return nil
	}
	if first.process.Moved {
		f.report.Lanes = 1
		f.note("one run at a time: the service listens on %s whatever it is told; see address_env in %s", first.process.Address, experiment.FileName)
		return nil
	}
	if f.checksOnly || f.cfg.PlanOnly {
		return nil
	}
	second, err := f.stage.start(ctx)
	if second != nil {
		second.stop()
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case first.process.Exited() != nil:
		f.report.Lanes = 1
		f.note("one run at a time: the service ended when a second one started beside it (%s); ${dir} in args or env gives each a directory of its own",
			lastWords(first.process.Exited()))
		return fmt.Errorf("%w: %w", errEnded, first.process.Exited())
	case err != nil:
		f.report.Lanes = 1
		f.note("one run at a time: a second service does not come up beside the first (%s); ${dir} in args or env gives each a directory of its own", lastWords(err))
	}
	return nil
}

// lastWords are the last line of what a service that did not come up has said, or why it was given up.
func lastWords(err error) string {
	text := err.Error()
	if exit, ok := errors.AsType[*process.ExitError](err); ok && exit.Output != "" {
		text = exit.Output
	} else if late, ok := errors.AsType[*process.NotReadyError](err); ok {
		text = late.Reason
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
