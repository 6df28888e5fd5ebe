package fileswap

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/openconfigs"
)

// manner is how a file is replaced.
type manner string

const (
	byRename   manner = "rename"
	byLink     manner = "link"
	byOverflow manner = "overflow"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "fileswap",
	Title: "Configuration file swapped",
	Help:  "Replaces a configuration file again and again, always whole: what follows it must take each change for one, and lose none. Needs a file of defense/hotconfig, in a folder that can be written to.",
	Params: []fault.Param{
		{Name: "how", Choices: []string{string(byRename), string(byLink), string(byOverflow)}, Help: "By a new file that is renamed; by a new folder and a link that is turned to it, as a ConfigMap is updated; or while the kernel's queue is full and the reader hears nothing, so that the event is lost."},
		{Name: "period", Unit: fault.Seconds, Default: 0.2, Min: 0.001, Max: 1, Help: "How long to rest between two swaps, or between two overflows."},
	},
	Effects: []fault.Effect{
		// What a reader takes is bounded by how often it looks. This much it takes at any period.
		{Signal: "config.generation", When: map[string]string{"how": string(byRename)}, Move: fault.Grow, By: fault.Exactly(0.5)},
		{Signal: "config.generation", When: map[string]string{"how": string(byLink)}, Move: fault.Grow, By: fault.Exactly(0.5)},
		{Signal: "config.generation", When: map[string]string{"how": string(byOverflow)}, Move: fault.Grow, By: fault.Exactly(0.1)},
	},
	Start: start,
}

// patience is how long a reader may take to stop hearing: one that follows its file no more never does.
const patience = 5 * time.Second

type injected struct {
	*fault.Life
	how      manner
	burst    int // swaps by which the kernel's queue overflows
	files    []*openconfigs.Config
	before   seen
	swaps    atomic.Int64
	failed   atomic.Pointer[error] // the first swap that did
	restored error                 // why not; to be read when the life has ended
}

// seen is what the readers have noticed.
type seen struct{ taken, overflows uint64 }

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	f := &injected{how: manner(args.Choice("how")), files: openconfigs.List()}
	if len(f.files) == 0 {
		return nil, errors.New("the service follows no configuration file through defense/hotconfig")
	}
	if f.how == byOverflow {
		var err error
		if f.burst, err = burst(); err != nil {
			return nil, err
		}
	}
	all, err := f.open()
	if err != nil {
		return nil, err
	}
	f.before = f.seen()
	f.Life = fault.Begin(ctx, func(ctx context.Context) {
		f.swapAll(ctx, all, args.Duration("period"))
		for i, s := range all {
			f.restored = errors.Join(f.restored, s.restore())
			f.files[i].Look()
		}
	})
	return f, nil
}

// open looks at all files before one is touched.
func (f *injected) open() (all []*swapped, err error) {
	for _, c := range f.files {
		s, err := open(c.Path)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// swapAll swaps all files, again and again, until ctx is done.
func (f *injected) swapAll(ctx context.Context, all []*swapped, period time.Duration) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		for i, s := range all {
			if err := f.swap(ctx, f.files[i], s); err != nil && ctx.Err() == nil {
				f.failed.CompareAndSwap(nil, &err)
			}
		}
	}
}

func (f *injected) swap(ctx context.Context, c *openconfigs.Config, s *swapped) error {
	switch f.how {
	case byLink:
		f.swaps.Add(1)
		return s.link()
	case byOverflow:
		return f.overflow(ctx, c, s)
	default:
		f.swaps.Add(1)
		return s.rename()
	}
}

// overflow fills the kernel's queue while the reader takes nothing from it, and then swaps the file, so that the events of that are lost.
func (f *injected) overflow(ctx context.Context, c *openconfigs.Config, s *swapped) error {
	if c.Deafen == nil || c.Overflows == nil {
		return errors.New("its reader does not go by events")
	}
	told := c.Overflows()
	if s.full && told == s.told { // the reader has not come to the end of its queue yet
		return nil
	}
	bound, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	hear, err := c.Deafen(bound)
	if err != nil {
		return err
	}
	defer hear()
	if err := s.noise(ctx, f.burst); err != nil {
		return err
	}
	s.full, s.told = true, told
	f.swaps.Add(1)
	return s.rename()
}

func (f *injected) seen() (all seen) {
	for _, c := range f.files {
		_, _, taken := c.Rejected()
		all.taken += taken
		if c.Overflows != nil {
			all.overflows += c.Overflows()
		}
	}
	return all
}

// Witness tells how many changes the readers have taken, or how often they were told that events had been lost.
func (f *injected) Witness() fault.Witness {
	now := f.seen()
	taken, overflows := now.taken-f.before.taken, now.overflows-f.before.overflows
	effect := taken
	if f.how == byOverflow {
		effect = overflows
	}
	detail := fmt.Sprintf("%d swaps by %s, of which the reader took %d; it was told %d times that events were lost", f.swaps.Load(), f.how, taken, overflows)
	if err := f.failed.Load(); err != nil {
		detail += ". A swap failed: " + (*err).Error()
	}
	return fault.Witness{Active: !f.Ended() && effect > 0, Value: float64(effect), Detail: detail}
}

// Remove puts the files back as they were.
func (f *injected) Remove(ctx context.Context) (fault.Residue, error) {
	if err := f.End(ctx); err != nil {
		return fault.Residue{}, err
	}
	if f.restored != nil {
		return fault.Residue{Value: 1, Detail: f.restored.Error()}, nil
	}
	return fault.Residue{}, nil
}
