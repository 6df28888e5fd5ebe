// Package gcpacer keeps the garbage collector from taking the CPU that requests need (docs/guide/whitepaper.md §2.5): it trades memory that
// is free for CPU, one bounded and reversible step of GOGC at a time, and asks for load to be shed when no memory is
// left to trade.
//
//	limiter, _ := memlimit.New(memlimit.Config{})
//	pacer, _ := gcpacer.New(gcpacer.Config{Lift: limiter.Hold})
//	go limiter.Run(ctx)
//	go pacer.Run(ctx)
//
// When the collector's share of the CPU is above [Config.Threshold] for three windows in a row,
// GOGC rises by a step, if live·(1+GOGC/100) and the memory beside the heap stay below nine tenths of the limit.
// Before the third window it only tells. When the collector would be quiet with less, GOGC steps down again.
//
// The pacer can do harm, so it judges itself: a step that did not bring the collector's share down by a tenth, or after
// which memory ran short, is taken back and not tried again for a time that doubles.
//
// # The death spiral
//
// When what is live comes near the memory limit, the collector runs without a pause, gains nothing, and the service crawls for
// hours before it dies (golang/go#58106). The guard counts the seconds in which the collector takes more than a quarter of
// the CPU because of the limit. After 20 of them it asks for shedding and lifts the limit as far as [Config.Lift] lets
// it, which memlimit keeps below the container's. After 45 it lifts the limit altogether: a process that nothing
// relieved is better replaced than dragged along.
package gcpacer

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"time"

	"github.com/falsifiable/stability/internal/settings"
)

// Config configures a pacer. The zero value is useful.
type Config struct {
	// Threshold is the share of the CPU in use that the collector may take. Defaults to 0.12 (docs/guide/whitepaper.md §2.5).
	Threshold float64
	// Windows is how many windows in a row must be above it before a step. Defaults to 3.
	Windows int
	// Window is the time over which the share is taken. Defaults to 10 s.
	Window time.Duration
	// Calm is how many windows in a row must allow it before GOGC steps down again. Defaults to 12.
	Calm int
	// Max is the highest GOGC. Defaults to 400. The lowest is the one found at the start. One of off is left alone.
	Max int
	// SpiralShare is the share of the CPU that the process may use above which a second counts for the guard. Defaults to 0.25;
	// 1 switches the guard off.
	SpiralShare float64
	// SpiralAfter is how long that may last before the limit is lifted in part, and SpiralEnd before it is lifted
	// altogether. Default to 20 s and 45 s.
	SpiralAfter, SpiralEnd time.Duration
	// Lift lifts the memory limit to a number of bytes or as near to it as it may, math.MaxInt64 altogether, and returns
	// what is in force then; 0 puts it back. Defaults to the runtime's own limit, and a quarter more than it at most.
	Lift func(limit int64) int64
	// DryRun explains each step and takes none.
	DryRun bool
	// Logger gets an explanation of each step. Defaults to slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Threshold = cmp.Or(c.Threshold, 0.12)
	c.Windows = cmp.Or(c.Windows, 3)
	c.Window = cmp.Or(c.Window, 10*time.Second)
	c.Calm = cmp.Or(c.Calm, 12)
	c.Max = cmp.Or(c.Max, 400)
	c.SpiralShare = cmp.Or(c.SpiralShare, 0.25)
	c.SpiralAfter = cmp.Or(c.SpiralAfter, 20*time.Second)
	c.SpiralEnd = cmp.Or(c.SpiralEnd, max(45*time.Second, c.SpiralAfter))
	if c.Lift == nil {
		c.Lift = liftOwn()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// liftOwn lifts the limit that it finds at its first call.
func liftOwn() func(int64) int64 {
	original := int64(0)
	return func(limit int64) int64 {
		if original == 0 {
			original = debug.SetMemoryLimit(-1)
		}
		switch limit {
		case 0:
			limit, original = original, 0
		case math.MaxInt64:
		default:
			limit = min(limit, original+min(original/4, math.MaxInt64-original))
		}
		debug.SetMemoryLimit(limit)
		return limit
	}
}

// Validate reports the first field whose value makes no sense.
func (c Config) Validate() error {
	d := c.withDefaults()
	return settings.Check("gcpacer", "the configuration",
		settings.Require(d.Threshold > 0 && d.Threshold < 1, "Threshold", d.Threshold, "between 0 and 1"),
		settings.Require(d.Windows > 0, "Windows", d.Windows, "positive"),
		settings.Require(d.Window > 0, "Window", d.Window, "positive"),
		settings.Require(d.Calm > 0, "Calm", d.Calm, "positive"),
		settings.Require(d.Max > 0 && d.Max <= 2000, "Max", d.Max, "between 1 and 2000"),
		settings.Require(d.SpiralShare > 0 && d.SpiralShare <= 1, "SpiralShare", d.SpiralShare, "between 0 and 1"),
		settings.Require(d.SpiralAfter > 0 && d.SpiralEnd >= d.SpiralAfter, "SpiralAfter", d.SpiralAfter, "positive, and no later than SpiralEnd"),
	)
}

// Observation is what one window showed. Shares are NaN when no collection ended in it: the runtime settles its accounts
// only then.
type Observation struct {
	// Share is the collector's part of the CPU that was used; Busy is the part that was used of the CPU that the process
	// may use.
	Share, Busy float64
	// Live is what the last collection found live, Other the memory that the runtime holds beside the heap, Limit the
	// memory limit, +Inf for none. In bytes.
	Live, Other, Limit float64
	// Goal is the heap size at which the next collection is to end, in bytes.
	Goal float64
	// Length of the window.
	Length time.Duration
}

// Action is what a decision does.
type Action uint8

const (
	// Nothing is the zero Action.
	Nothing Action = iota
	// Alert tells that the share is too high, for fewer windows than it takes to act.
	Alert
	// Raise and Lower are steps of GOGC; Revert takes a step back that did not help or did harm.
	Raise
	Lower
	Revert
	// Shed asks for less load: there is no memory to trade.
	Shed
	// Lift raises the memory limit, GiveUp takes it away, Restore puts it back.
	Lift
	GiveUp
	Restore
)

var actionNames = [...]string{"nothing", "alert", "raise", "lower", "revert", "shed", "lift", "give_up", "restore"}

// String returns the action's word.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return fmt.Sprintf("Action(%d)", uint8(a))
}

// Decision is what the controller makes of an observation.
type Decision struct {
	Action  Action
	Percent int   // GOGC from now on
	Limit   int64 // for Lift and GiveUp, in bytes
	Reason  string
}
