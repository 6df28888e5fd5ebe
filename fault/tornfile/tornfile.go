package tornfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/internal/openconfigs"
)

// finding is how the file is found.
type finding string

const (
	torn     finding = "torn"
	invalid  finding = "invalid"
	flapping finding = "flapping"
	missing  finding = "missing"
	denied   finding = "denied"
	slow     finding = "slow"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "tornfile",
	Title: "Torn configuration file",
	Help:  "Lets the reader of a configuration file find it half written, invalid, gone, not readable, or on a slow disk. Needs a file of defense/hotconfig.",
	Params: []fault.Param{
		{Name: "how", Choices: []string{string(torn), string(invalid), string(flapping), string(missing), string(denied), string(slow)}, Help: "What is found: at every other look half of it; always something that is no configuration; that and what is there by turns; no file; one that may not be read; or what is there, after a delay."},
		{Name: "delay", Unit: fault.Seconds, Default: 20, Min: 0.001, Max: 3600, Help: "How long a slow disk takes for each look. The reader says that it does not answer after 5 s."},
		{Name: "period", Unit: fault.Seconds, Default: 0.2, Min: 0.01, Max: 1, Help: "How often the reader is told that something has changed."},
	},
	Effects: effects(),
	Start:   start,
}

// effects are what the reader tells of each finding. How often it looks bounds what it counts; this much it counts at any period.
func effects() []fault.Effect {
	when := func(how finding) map[string]string { return map[string]string{"how": string(how)} }
	all := []fault.Effect{
		{Signal: "config.torn.count", When: when(torn), Move: fault.Grow, By: fault.Exactly(0.5)},
		{Signal: "config.rejected.count", When: when(flapping), Move: fault.Grow, By: fault.Exactly(0.25)},
	}
	for _, how := range []finding{invalid, missing, denied, slow} {
		var after fault.Amount
		if how == slow { // the patience of the reader
			after = fault.Exactly(5)
		}
		all = append(all,
			fault.Effect{Signal: "config.failing", When: when(how), Move: fault.Raise, By: fault.Exactly(1), After: after},
			fault.Effect{Signal: "config.failing.age", When: when(how), Move: fault.Grow, By: fault.Exactly(1), After: after})
	}
	return all
}

type injection struct {
	*fault.Life
	how            finding
	delay          time.Duration
	done           <-chan struct{}
	looks, touched atomic.Int64
	turn           atomic.Int64 // periods begun: what flaps is invalid in every other
	before         int64
	files          []*openconfigs.Config
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	f := &injection{how: finding(args.Choice("how")), delay: args.Duration("delay"), files: openconfigs.List()}
	if len(f.files) == 0 {
		return nil, errors.New("the service follows no configuration file through defense/hotconfig")
	}
	f.before = f.noticed()
	f.Life = fault.Begin(ctx, func(ctx context.Context) {
		f.done = ctx.Done()
		restore := faultpoint.SetFile(f.read)
		ticker := time.NewTicker(args.Duration("period"))
		defer ticker.Stop()
		for ctx.Err() == nil {
			f.turn.Add(1)
			f.look()
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
		restore()
		f.look() // at what is really there
	})
	return f, nil
}

func (f *injection) look() {
	for _, c := range f.files {
		c.Look()
	}
}

// noticed is how often a reader has not taken what it found.
func (f *injection) noticed() (n int64) {
	for _, c := range f.files {
		rejected, halves, _ := c.Rejected()
		n += int64(rejected + halves)
	}
	return n
}

func (f *injection) read(path string, content []byte) ([]byte, error) {
	look := f.looks.Add(1)
	if f.how == torn && look%2 == 0 || f.how == flapping && f.turn.Load()%2 == 0 {
		return content, nil
	}
	f.touched.Add(1)
	switch f.how {
	case slow:
		select {
		case <-time.After(f.delay):
		case <-f.done:
		}
		return content, nil
	case torn:
		return content[:len(content)/2], nil
	case invalid, flapping:
		return []byte("\x00"), nil // which is no text in any format
	case missing:
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	default:
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	}
}

// Witness tells how often a reader noticed, or, of a slow disk, how often one had to wait.
func (f *injection) Witness() fault.Witness {
	noticed := f.noticed() - f.before
	effect := noticed
	if f.how == slow {
		effect = f.touched.Load()
	}
	return fault.Witness{
		Active: !f.Ended() && effect > 0, Value: float64(effect),
		Detail: fmt.Sprintf("%d of %d looks found the file %s; %d times it was not taken", f.touched.Load(), f.looks.Load(), f.how, noticed),
	}
}

// Remove lets the readers find what is really there.
func (f *injection) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, f.End(ctx)
}
