package falsify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/falsifiable/stability/lab/falsify/report"
	"github.com/falsifiable/stability/lab/falsify/stats"
	"github.com/falsifiable/stability/signals"
)

// settleTime is the contract time that a service gets to recover. settleLeast is the least by the clock: however
// hurried the contract, garbage is collected and connections are closed at the machine's own pace.
const (
	settleTime  = 2 * time.Minute
	settleLeast = time.Second
)

// recover removes the fault and waits until the signals of the checks are shown to be within the margin of what
// they were before, or until the settle time is over.
func (a *attempt) recover(ctx context.Context) error {
	residue, err := a.injected.remove(ctx)
	removed := time.Now()
	a.run.Removed = removed.Sub(a.subject.watch.begun).Seconds()
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		a.run.Residue = err.Error() // a failed cleanup is not a failed check
	} else if residue.Value != 0 {
		a.run.Residue = residue.Detail
	}
	window := a.subject.baselineTime()
	found := report.Recovered{Outcome: string(stats.Unclear), Why: "it took no second look"}
	limit := max(a.subject.stage.wall(settleTime), settleLeast) + window
	err = a.subject.until(ctx, limit, func() bool {
		if time.Since(removed) < window {
			return false
		}
		outcome, why := a.compare(window)
		found = report.Recovered{Outcome: string(outcome), Why: why}
		return outcome == stats.Equivalent
	})
	if a.died(err) {
		found = report.Recovered{Outcome: string(stats.Different), Why: "the process died after the fault was removed"}
	} else if err != nil && !errors.Is(err, errLimit) {
		return err
	}
	a.run.Recovery = &found
	return nil
}

// compare judges all signals; the worst decides.
func (a *attempt) compare(window time.Duration) (worst stats.EquivalenceOutcome, why string) {
	w, now := a.subject.watch, time.Now()
	worst = stats.Equivalent
	floors := a.signalsOf()
	if len(floors) == 0 {
		return stats.Unclear, "the checks read no gauge, and only a gauge can come back"
	}
	keys := slices.SortedFunc(maps.Keys(floors), func(a, b signalKey) int { return cmp.Compare(a.String(), b.String()) })
	for _, key := range keys {
		before := stats.Medians(w.between(key, a.began.Add(-window), a.began), medians)
		after := stats.Medians(w.between(key, now.Add(-window), now), medians)
		e := stats.Equal(before, after, recoveryMargin, floors[key], confidence)
		if e.Outcome == stats.Equivalent || worst == stats.Different {
			continue
		}
		worst, why = e.Outcome, fmt.Sprintf("%s was %.4g and is %.4g, margin %.3g", key, e.Before, e.After, e.Margin)
	}
	return worst, why
}

// floor is the difference below which a signal counts as unchanged, even if five percent of its baseline are less.
func floor(d signals.Desc) float64 {
	switch d.Unit {
	case signals.Bytes:
		return 4 << 20
	case signals.Seconds:
		return 0.005
	case signals.Ratio:
		return 0.02
	}
	return 5 // a few connections more or less
}

// tally counts how the service recovered.
func tally(r *report.Recovery, found *report.Recovered) {
	switch {
	case found == nil:
	case found.Outcome == string(stats.Equivalent):
		r.Equivalent++
	case found.Outcome == string(stats.Different):
		r.Different++
	default:
		r.Unclear++
	}
}
