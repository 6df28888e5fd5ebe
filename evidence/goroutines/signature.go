package goroutines

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Signature is a dump in one line: the place where most goroutines wait. In a leak that is the leak.
type Signature struct {
	Count     int   // goroutines that wait there
	Total     int   // goroutines in all
	State     State // empty when the dump does not tell
	Leaked    bool  // proven by the garbage collector
	Where     Frame // the innermost place outside the standard library
	CreatedBy Frame // zero when the dump does not tell
}

// String returns the line, such as "1990 of 2003 goroutines: chan receive at main.wait (/src/wait.go:17)".
func (s Signature) String() string {
	switch {
	case s.Total == 0:
		return "no goroutines"
	case s.Count == 0:
		return fmt.Sprintf("%d goroutines: those of a main that waits, and of this library", s.Total)
	}
	state := cmp.Or(string(s.State), "unknown state")
	if s.Leaked {
		state = "leaked in " + state
	}
	text := fmt.Sprintf("%d of %d goroutines: %s at %v", s.Count, s.Total, state, s.Where)
	if !s.CreatedBy.IsZero() {
		text += fmt.Sprintf(", created by %v", s.CreatedBy)
	}
	return text
}

// Signature returns the place where most goroutines wait, whatever led them there and whatever their labels; of equally many,
// the riskier. What comes to an end by itself, or usually does, counts a quarter: two thousand idle connections say less than
// eight hundred that wait for a lock. Goroutines of this library, and a main that waits for good, are left out.
func (d *Dump) Signature() Signature {
	places := make(map[string]*place)
	var key strings.Builder
	for _, s := range d.Stacks {
		if s.isOurs() || s.isMain() {
			continue
		}
		key.Reset()
		key.WriteString(string(s.State))
		writeFrame(&key, s.Where())
		p, ok := places[key.String()]
		if !ok {
			p = &place{largest: s}
			places[key.String()] = p
		}
		p.count += s.Count
		if s.Count > p.largest.Count {
			p.largest = s
		}
	}
	var best place
	for _, key := range slices.Sorted(maps.Keys(places)) {
		if p := places[key]; p.compare(best) > 0 {
			best = *p
		}
	}
	return Signature{Count: best.count, Total: d.Total, State: best.largest.State, Leaked: best.largest.Leaked,
		Where: best.largest.Where(), CreatedBy: best.largest.CreatedBy}
}

// place is where goroutines wait.
type place struct {
	count   int
	largest Stack // of those that lead there
}

func (p place) compare(other place) int {
	return cmp.Or(cmp.Compare(p.weight(), other.weight()), cmp.Compare(p.largest.Risk(), other.largest.Risk()))
}

func (p place) weight() int {
	if p.largest.Risk() >= Suspect {
		return 4 * p.count
	}
	return p.count
}

// isMain reports whether the stack is that of a main function which waits for good, as it may.
func (s Stack) isMain() bool {
	return s.State == SelectNoCases && s.root().Func == "main.main"
}

// isOurs reports whether the goroutine is one of this library's own. Those of faults are not: they are what is looked for; nor
// are those of tests and examples.
func (s Stack) isOurs() bool {
	const module = "github.com/falsifiable/stability"
	root := s.root()
	room, ok := strings.CutPrefix(root.Func, module)
	if !ok || strings.HasSuffix(root.File, "_test.go") {
		return false
	}
	return !strings.HasPrefix(room, "/fault/") && !strings.HasPrefix(room, "/examples/")
}

// root returns the frame in which the goroutine began.
func (s Stack) root() Frame {
	for i := len(s.Frames) - 1; i >= 0; i-- {
		if !strings.HasPrefix(s.Frames[i].Func, "runtime.") {
			return s.Frames[i]
		}
	}
	return Frame{}
}

// Where returns the innermost frame outside the standard library, which is where to look first. When all are inside it,
// it is the innermost that does not only park the goroutine, or the first.
func (s Stack) Where() Frame {
	for _, inside := range []func(string) bool{isStandard, isParking} {
		i := slices.IndexFunc(s.Frames, func(f Frame) bool { return !inside(f.Func) })
		if i >= 0 {
			return s.Frames[i]
		}
	}
	if len(s.Frames) == 0 {
		return Frame{}
	}
	return s.Frames[0]
}

// standard holds the first elements of the standard library's import paths. Go reserves those without a dot for it,
// but module names without one are common, so a dot does not tell.
var standard = func() map[string]bool {
	set := make(map[string]bool)
	for name := range strings.FieldsSeq(`archive bufio bytes cmp compress container context crypto database debug embed
		encoding errors expvar flag fmt go hash html image index internal io iter log maps math mime net os path plugin
		reflect regexp runtime slices sort strconv strings structs sync syscall testing text time unicode unique unsafe
		vendor weak`) {
		set[name] = true
	}
	return set
}()

// isStandard reports whether a function such as "net/http.(*conn).serve" belongs to the standard library.
func isStandard(function string) bool {
	first, _, isPath := strings.Cut(function, "/")
	if !isPath {
		first, _, _ = strings.Cut(first, ".")
	}
	return standard[first]
}

// Report writes the dump for people: each distinct stack once, the largest group first, with what its state means.
func (d *Dump) Report(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d goroutines, %d distinct stacks\n%v\n", d.Total, len(d.Stacks), d.Signature())
	for _, s := range d.Stacks {
		fmt.Fprintf(&b, "\n%d × %s", s.Count, cmp.Or(string(s.State), "unknown state"))
		if s.Leaked {
			b.WriteString(", leaked")
		}
		if s.Wait > 0 {
			fmt.Fprintf(&b, ", up to %.0f minutes", s.Wait.Minutes())
		}
		if s.Locked {
			b.WriteString(", locked to thread")
		}
		if means := s.State.Means(); means != "" {
			fmt.Fprintf(&b, "  [%v: %s]", s.Risk(), means)
		}
		b.WriteByte('\n')
		for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
			fmt.Fprintf(&b, "    label %s=%q\n", k, s.Labels[k])
		}
		for _, f := range s.Frames {
			fmt.Fprintf(&b, "    %s\n        %s:%d\n", f.Func, f.File, f.Line)
		}
		if !s.CreatedBy.IsZero() {
			fmt.Fprintf(&b, "    created by %v\n", s.CreatedBy)
		}
		if _, err := io.WriteString(w, b.String()); err != nil {
			return err
		}
		b.Reset()
	}
	_, err := io.WriteString(w, b.String())
	return err
}
