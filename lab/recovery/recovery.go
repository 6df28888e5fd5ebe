// Package recovery says, as data, when a service has recovered: a signal is back within a margin of its baseline, in
// time, and stays there. stability drill holds a service to it, and the gate review reads it in stability.md.
package recovery

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Criterion is when a service counts as recovered.
type Criterion struct {
	// Signal is the name of a signal, such as go.memory.heap.inuse.
	Signal string
	// Margin is the share of the baseline within which the signal must be, such as 0.05.
	Margin float64
	// Within is how soon after the action the signal must be back.
	Within time.Duration
	// Stays is how many readings in a row must be within the margin. Defaults to 3: a single one may be passing
	// through.
	Stays int
}

// Parse reads the margin and the time as people write them: "5%" or "±5%", and "2m".
func Parse(signal, margin, within string) (Criterion, error) {
	share, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(margin), "±"), "%"), 64)
	if err != nil || !strings.HasSuffix(strings.TrimSpace(margin), "%") || !(share > 0 && share < 100) {
		return Criterion{}, fmt.Errorf("recovery: margin: %q is not a share such as 5%%", margin)
	}
	d, err := time.ParseDuration(within)
	if err != nil || d <= 0 {
		return Criterion{}, fmt.Errorf("recovery: within: %q is not a duration such as 90s or 5m", within)
	}
	return Criterion{Signal: signal, Margin: share / 100, Within: d}, nil
}

// String writes the criterion in words: "go.memory.heap.inuse back to its baseline ±5 % within 2m0s".
func (c Criterion) String() string {
	return fmt.Sprintf("%s back to its baseline ±%g %% within %v", c.Signal, 100*c.Margin, c.Within)
}

// Reading is one reading of the signal.
type Reading struct {
	After time.Duration // the action
	Value float64
}

// Judge says when the signal was back for good, given its readings from the action on, oldest first. It reports false while that
// has not been seen, and why.
func (c Criterion) Judge(baseline float64, readings []Reading) (after time.Duration, recovered bool, why string) {
	stays := c.Stays
	if stays <= 0 {
		stays = 3
	}
	in := 0
	nearest := math.Inf(1)
	for _, r := range readings {
		off := math.Abs(r.Value-baseline) / math.Abs(baseline)
		if baseline == 0 {
			off = math.Abs(r.Value)
		}
		nearest = min(nearest, off)
		if !(off <= c.Margin) { // NaN is nowhere near
			in = 0
			continue
		}
		if in == 0 {
			after = r.After
		}
		if in++; in >= stays {
			if after > c.Within {
				return after, false, fmt.Sprintf("it was back after %v only", after.Round(time.Millisecond))
			}
			return after, true, ""
		}
	}
	if len(readings) == 0 {
		return 0, false, "there is no reading"
	}
	return 0, false, fmt.Sprintf("the last reading is %g, the baseline %g; it came as near as %.1f %%", readings[len(readings)-1].Value, baseline, 100*nearest)
}
