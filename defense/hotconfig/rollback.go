package hotconfig

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/guarded"
	"github.com/falsifiable/stability/internal/timescale"
)

// RollbackMode says what happens when a configuration does harm.
type RollbackMode uint8

// The modes of a [Rollback].
const (
	Off    RollbackMode = iota // nothing
	DryRun                     // it is logged and counted what would have been done
	On                         // the last configuration that behaved well comes back
)

// Rollback goes back to the last configuration that behaved well, when one that is valid does harm: when a check breaks within a
// time after a reload, which had not been broken for as long before it. What did harm is refused until the file changes or
// [Value.Accept] lets it in.
//
// Choose checks that do not break when only the load changes: whatever breaks soon after a reload is held against it.
type Rollback struct {
	// Mode defaults to Off.
	Mode RollbackMode
	// Broken returns the checks that are broken now, such as [Contracts] does. Required unless Mode is Off.
	Broken func() []Breach
	// Within is how long a new configuration is on trial. Defaults to 1 minute.
	Within time.Duration
	// Every is how often Broken is asked. Defaults to 250 ms.
	Every time.Duration
	// OnReturn, if set, is told of each return, on a goroutine of its own.
	OnReturn func(Return)
}

// Breach is one check that is broken.
type Breach struct {
	Name string
	// Age is how long ago what the check forbids began, though it may count as broken only for a shorter time: what began
	// before a reload is not its fault.
	Age time.Duration
}

// Return is one return to what behaved well.
type Return struct {
	DryRun bool          `json:"dry_run,omitempty"`
	From   uint64        `json:"from_generation"` // did harm
	To     uint64        `json:"to_generation"`   // behaved well, and is in force again under a new number
	Hash   string        `json:"refused_hash"`
	Broken []string      `json:"broken"` // the checks that broke
	After  time.Duration `json:"after"`  // the reload
	Diff   []Change      `json:"diff"`   // what the reload had changed
}

func (r Rollback) withDefaults() Rollback {
	if r.Within == 0 {
		r.Within = time.Minute
	}
	if r.Every == 0 {
		r.Every = 250 * time.Millisecond
	}
	f := timescale.Factor() // where contracts are hurried, so is what follows from them
	r.Within, r.Every = timescale.Scale(r.Within, f), max(timescale.Scale(r.Every, f), 10*time.Millisecond)
	return r
}

func (r Rollback) validate() error {
	switch {
	case r.Mode > On:
		return fmt.Errorf("there is no RollbackMode %d", r.Mode)
	case r.Mode != Off && r.Broken == nil:
		return errors.New("a Rollback needs Broken, such as Contracts(monitor)")
	case r.Within < 0 || r.Every < 0:
		return errors.New("Within and Every must not be negative")
	}
	return nil
}

// Contracts returns what tells the violated checks of these contracts, of all if none is named, as "contract/check".
func Contracts(m *stability.Monitor, names ...string) func() []Breach {
	return func() (broken []Breach) {
		s := m.Status()
		for _, c := range s.Contracts {
			if len(names) > 0 && !slices.Contains(names, c.Name) {
				continue
			}
			for _, k := range c.Checks {
				if k.State != stability.Violated {
					continue
				}
				since := s.Age
				for _, i := range k.Instances {
					if i.State == stability.Violated {
						since = min(since, i.Since)
					}
				}
				broken = append(broken, Breach{c.Name + "/" + k.Name, s.Age - since + timescale.Scale(k.For, timescale.Factor())})
			}
		}
		return broken
	}
}

// trial is the time in which a new configuration has to show that it behaves well.
type trial[T any] struct {
	begun  time.Time
	before map[string]bool // checks that were broken shortly before
}

// judge remembers when which check was broken.
type judge struct {
	last  map[string]time.Time
	busy  bool // Broken has not returned
	asked time.Time
	done  chan []Breach
}

// ask asks Broken, but never twice at once, and waits no longer than that.
func (j *judge) ask(r Rollback, logger *slog.Logger) (broken []Breach, ok bool) {
	if j.done == nil {
		j.done, j.last = make(chan []Breach, 1), make(map[string]time.Time)
	}
	if !j.busy {
		j.busy, j.asked = true, time.Now()
		go func() {
			var list []Breach
			defer func() { j.done <- list }() // also when Broken has ended the goroutine
			guarded.Call(func() error {
				list = r.Broken()
				return nil
			}, func(err error) { logger.Error("configuration: Broken failed", "error", err.Error()) })
		}()
	}
	timer := time.NewTimer(r.Every)
	defer timer.Stop()
	select {
	case broken = <-j.done:
		j.busy = false
	case <-timer.C:
		return nil, false
	}
	now := time.Now()
	for _, b := range broken {
		j.last[b.Name] = now
	}
	for name, at := range j.last {
		if now.Sub(at) > r.Within {
			delete(j.last, name)
		}
	}
	return broken, true
}

// beginTrial puts what is about to be published on trial, unless it comes back because it has behaved well. The first
// configuration has nothing to go back to.
func (v *Value[T]) beginTrial(now, next *snapshot[T], returning bool) {
	if v.options.Rollback.Mode == Off || now == nil || returning {
		v.good, v.trial = next, nil
		return
	}
	if v.trial == nil {
		v.good = now
	}
	if next.hash == v.good.hash { // back to what is known
		v.good, v.trial = next, nil
		return
	}
	if v.trial == nil || v.trial.before == nil {
		v.trial = &trial[T]{before: make(map[string]bool)}
	}
	v.judge.ask(v.options.Rollback, v.options.Logger)
	if now.hash == v.good.hash { // what broke under another one on trial is no fault of the service's own
		for name := range v.judge.last {
			v.trial.before[name] = true
		}
	}
	v.trial.begun = time.Now()
}

// judging looks at the configuration on trial until ctx ends. It waits for no disk, for what behaved well is in memory.
func (v *Value[T]) judging(ctx context.Context) {
	if v.options.Rollback.Mode == Off {
		return
	}
	tick := time.NewTicker(v.options.Rollback.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			v.settle(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// settle looks how the configuration on trial behaves.
func (v *Value[T]) settle(ctx context.Context) {
	v.reloading.take()
	defer v.reloading.give()
	breaches, ok := v.judge.ask(v.options.Rollback, v.options.Logger)
	t, now := v.trial, v.current.Load()
	if t == nil || !ok || v.judge.asked.Before(t.begun) {
		return
	}
	after := time.Since(t.begun)
	var broken []string
	for _, b := range breaches {
		if !t.before[b.Name] && b.Age <= after {
			broken = append(broken, b.Name)
		}
	}
	switch {
	case after >= v.options.Rollback.Within: // whatever is said now is said too late
		v.good, v.trial = now, nil
	case len(broken) > 0:
		v.goBack(ctx, now, Return{
			DryRun: v.options.Rollback.Mode == DryRun, From: now.generation, To: v.good.generation, Hash: now.hash,
			Broken: broken, After: after, Diff: Diff(v.good.value, now.value),
		})
	}
}

// goBack returns to the last configuration that behaved well, and refuses the one in force.
func (v *Value[T]) goBack(ctx context.Context, now *snapshot[T], r Return) {
	reason := fmt.Sprintf("hotconfig: %s: generation %d did harm: %s broke %v after it came; generation %d is back",
		v.options.Name, r.From, strings.Join(r.Broken, ", "), r.After.Round(time.Millisecond), r.To)
	log := v.options.Logger.With("config", v.options.Name, "from", r.From, "to", r.To, "hash", r.Hash, "broken", r.Broken, "after", r.After, "diff", r.Diff)
	if r.DryRun {
		log.Warn("configuration does harm; a dry run does not go back")
		v.good, v.trial = now, nil
	} else {
		good := v.good
		v.trial = nil
		back := &snapshot[T]{value: good.value, hash: good.hash}
		if err := v.publish(ctx, back, true); err != nil {
			log.Error("configuration does harm, and going back failed", "error", err.Error())
			v.good, v.trial = good, &trial[T]{begun: now.at, before: make(map[string]bool)}
			return // the next look tries again
		}
		v.good = back
		log.Error("configuration did harm; the last one that behaved well is back")
	}
	v.mu.Lock()
	if !r.DryRun {
		v.refuse[r.Hash] = reason
		v.status.Error, v.broken = reason, time.Now()
	}
	v.status.Reverted++
	v.status.Last = &r
	v.mu.Unlock()
	if told := v.options.Rollback.OnReturn; told != nil {
		go guarded.Call(func() error {
			told(r)
			return nil
		}, func(err error) { v.options.Logger.Error("configuration: OnReturn failed", "error", err.Error()) })
	}
}

// refused tells why a content must not come again, nil if it may.
func (v *Value[T]) refused(hash string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if reason, ok := v.refuse[hash]; ok {
		return errors.New(reason)
	}
	return nil
}
