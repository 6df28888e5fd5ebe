package harmfulconfig

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync/atomic"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/internal/openconfigs"
)

// kind is which values are changed.
type kind string

const (
	all       kind = "all"
	numbers   kind = "numbers"
	durations kind = "durations"
	switches  kind = "switches"
	lists     kind = "lists"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "harmfulconfig",
	Title: "Valid but harmful configuration",
	Help:  "Changes values in what the reader of a configuration file finds to ones that are valid and do harm. Needs a file of defense/hotconfig, in YAML, JSON or TOML.",
	Params: []fault.Param{
		{Name: "kind", Choices: []string{string(all), string(numbers), string(durations), string(switches), string(lists)}, Help: "Which values, all by default: whole numbers become 1 (as a pool of one), durations 1ms, true false, and lists that stand in one line empty."},
		{Name: "nth", Default: 0, Min: 0, Max: 1000, Help: "The how many-th of them is changed; 0 changes all."},
	},
	Start: start,
}

// kinds are how values look behind a key, in all three formats, and what they become.
var kinds = map[kind]struct {
	pattern *regexp.Regexp
	value   string
}{
	numbers:   {regexp.MustCompile(`(?m)([:=][ \t]*)(\d[\d_]*)([ \t]*(?:[,}\r#].*)?$)`), "1"},
	durations: {regexp.MustCompile(`(?m)([:=][ \t]*["']?)(\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))(["']?[ \t]*(?:[,}\r#].*)?$)`), "1ms"},
	switches:  {regexp.MustCompile(`(?m)([:=][ \t]*)(true)([ \t]*(?:[,}\r#].*)?$)`), "false"},
	lists:     {regexp.MustCompile(`(?m)([:=][ \t]*)(\[[^\]\n]+\])([ \t]*(?:[,}\r#].*)?$)`), "[]"},
}

// harm changes the nth value of the kind, or all if n is 0, and tells how many it changed.
func harm(which kind, n int, content []byte) (changed []byte, count int) {
	if which == all {
		for each := range kinds {
			var more int
			content, more = harm(each, n, content)
			count += more
		}
		return content, count
	}
	k := kinds[which]
	seen := 0
	changed = k.pattern.ReplaceAllFunc(content, func(match []byte) []byte {
		if seen++; n != 0 && seen != n {
			return match
		}
		parts := k.pattern.FindSubmatch(match)
		if parts == nil || string(parts[2]) == k.value {
			return match
		}
		count++
		return append(append(append([]byte(nil), parts[1]...), k.value...), parts[3]...)
	})
	return changed, count
}

type injection struct {
	*fault.Life
	kind    kind
	nth     int
	changed atomic.Int64 // values, at the last look
	before  uint64
	files   []*openconfigs.Config
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	f := &injection{kind: kind(args.Choice("kind")), nth: args.Int("nth"), files: openconfigs.List()}
	if len(f.files) == 0 {
		return nil, errors.New("the service follows no configuration file through defense/hotconfig")
	}
	f.before = f.reloads()
	f.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := faultpoint.SetFile(f.read)
		f.look()
		<-ctx.Done()
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

func (f *injection) reloads() (n uint64) {
	for _, c := range f.files {
		_, _, reloads := c.Rejected()
		n += reloads
	}
	return n
}

func (f *injection) read(_ string, content []byte) ([]byte, error) {
	changed, count := harm(f.kind, f.nth, content)
	f.changed.Store(int64(count))
	return changed, nil
}

// Witness tells whether a reader took what was changed.
func (f *injection) Witness() fault.Witness {
	reloads := f.reloads() - f.before
	return fault.Witness{
		Active: !f.Ended() && reloads > 0 && f.changed.Load() > 0, Value: float64(f.changed.Load()),
		Detail: fmt.Sprintf("%d values were changed; the configuration was taken %d times since", f.changed.Load(), reloads),
	}
}

// Remove lets the readers find what is really there.
func (f *injection) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, f.End(ctx)
}
