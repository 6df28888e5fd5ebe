package goroutines

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Signature is a dump in one line: the stack that most goroutines share. In a leak that is the leak.
type Signature struct {
	Count     int   // goroutines with this stack
	Total     int   // goroutines in all
	State     State // empty when the dump does not tell
	Leaked    bool  // proven by the garbage collector
	Where     Frame // the innermost place outside the standard library
	CreatedBy Frame // zero when the dump does not tell
}

// String returns the line, such as "1990 of 2003 goroutines: chan receive at main.wait (/src/wait.go:17)".
func (s Signature) String() string {
	if s.Count == 0 {
		return "no goroutines"
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

// Signature returns the stack that most goroutines share, whatever their labels; of equally many, the riskier.
func (d *Dump) Signature() Signature {
	byStack := make(map[string]Stack)
	var key strings.Builder
	for _, s := range d.Stacks {
		key.Reset()
		key.WriteString(string(s.State))
		for _, f := range s.Frames {
			writeFrame(&key, f)
		}
		joined, ok := byStack[key.String()]
		if !ok {
			joined = s
			joined.Count = 0
		}
		joined.Count += s.Count
		byStack[key.String()] = joined
	}
	var best Stack
	for _, key := range slices.Sorted(maps.Keys(byStack)) {
		s := byStack[key]
		if cmp.Or(cmp.Compare(s.Count, best.Count), cmp.Compare(s.Risk(), best.Risk())) > 0 {
			best = s
		}
	}
	return Signature{Count: best.Count, Total: d.Total, State: best.State, Leaked: best.Leaked, Where: best.Where(),
		CreatedBy: best.CreatedBy}
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
