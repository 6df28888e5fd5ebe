// Package goroutines reads goroutine dumps in all three forms that Go writes, groups equal stacks, says what
// each state means, and names the stack that most goroutines share. Its kinds [Stacks] and [Leaks] collect such
// dumps into evidence bundles.
//
//	form                     states  minutes  labels  stopped time, 100,000 goroutines
//	debug=0, profile.proto   yes     no       yes     about 0.2 ms
//	debug=1, text            partly  no       yes     about 0.2 ms
//	debug=2, stacks          yes     yes      on ask  about 3 s
//
// The proto form keeps the runtime's own frames, such as runtime.chanrecv, so the state can be told from them; the
// text form drops those, so goroutines at a channel have no state there.
package goroutines

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Dump is all goroutines of a process at one moment, grouped. Read-only after [Parse].
type Dump struct {
	// Total is the number of goroutines.
	Total int
	// Stacks are the groups, the largest first, equal ones in order of their frames.
	Stacks []Stack
}

// Stack is a group of goroutines with the same state, frames, origin and labels.
type Stack struct {
	Count int
	State State
	// Wait is how long the longest of them has waited, to the minute; only debug=2 tells, and only from one minute on.
	Wait time.Duration
	// Locked is true for goroutines locked to a thread, Leaked for those that the garbage collector found unable to
	// ever go on. Only debug=2 tells.
	Locked, Leaked bool
	// Labels are those of runtime/pprof.Do.
	Labels map[string]string
	// Frames are innermost first; in the proto form they include the runtime's own.
	Frames []Frame
	// CreatedBy is where the goroutine was started; zero when the form does not tell.
	CreatedBy Frame
	// Example is the id of one of them; 0 when the form does not tell.
	Example int64
}

// Frame is a function and a place in it.
type Frame struct {
	Func string
	File string
	Line int
}

// String returns the frame as "func (file:line)".
func (f Frame) String() string {
	if f.File == "" {
		return f.Func
	}
	return f.Func + " (" + f.File + ":" + strconv.Itoa(f.Line) + ")"
}

// IsZero reports whether the frame is unknown.
func (f Frame) IsZero() bool { return f == Frame{} }

// Bounds on what is read, far above what real programs write: a process of a million goroutines has a few thousand
// distinct stacks.
const (
	maxLine   = 1 << 20
	maxFrames = 1 << 20 // in all distinct stacks together
	maxStack  = 1 << 10 // in one stack; the rest is dropped
)

var errTooMany = fmt.Errorf("more than %d frames in distinct stacks", maxFrames)

// Parse reads a dump in any of the three forms; it tells them apart by how they begin. Text before and between the
// goroutines of a debug=2 dump is passed over, so the output of a crashed process can be given as it is.
func Parse(r io.Reader) (*Dump, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("goroutines: parsing a dump: %w", err)
	}
	var d *Dump
	if bytes.Equal(head, []byte{0x1f, 0x8b}) {
		d, err = parseProfile(br)
	} else {
		d, err = parseText(br)
	}
	if err != nil {
		return nil, fmt.Errorf("goroutines: parsing a dump: %w", err)
	}
	return d, nil
}

// grouper joins equal stacks as they come in, so that memory follows the distinct ones.
type grouper struct {
	byKey  map[string]*Stack
	frames int
	total  int
	key    strings.Builder
}

func (g *grouper) add(s Stack) error {
	if len(s.Frames) > maxStack {
		s.Frames = s.Frames[:maxStack]
	}
	key := g.keyOf(s)
	g.total += s.Count
	if known, ok := g.byKey[key]; ok {
		known.Count += s.Count
		known.Wait = max(known.Wait, s.Wait)
		return nil
	}
	if g.frames += len(s.Frames); g.frames > maxFrames {
		return errTooMany
	}
	if g.byKey == nil {
		g.byKey = make(map[string]*Stack)
	}
	s.Frames = slices.Clone(s.Frames)
	g.byKey[key] = &s
	return nil
}

func (g *grouper) keyOf(s Stack) string {
	b := &g.key
	b.Reset()
	b.WriteString(string(s.State))
	if s.Locked {
		b.WriteString("\x00locked")
	}
	if s.Leaked {
		b.WriteString("\x00leaked")
	}
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		b.WriteString("\x00" + k + "\x01" + s.Labels[k])
	}
	writeFrame(b, s.CreatedBy)
	for _, f := range s.Frames {
		writeFrame(b, f)
	}
	return b.String()
}

func writeFrame(b *strings.Builder, f Frame) {
	b.WriteByte('\n')
	b.WriteString(f.Func)
	b.WriteByte('\t')
	b.WriteString(f.File)
	b.WriteByte(':')
	b.WriteString(strconv.Itoa(f.Line))
}

func (g *grouper) dump() *Dump {
	d := &Dump{Total: g.total, Stacks: make([]Stack, 0, len(g.byKey))}
	for _, key := range slices.Sorted(maps.Keys(g.byKey)) {
		d.Stacks = append(d.Stacks, *g.byKey[key])
	}
	slices.SortStableFunc(d.Stacks, func(a, b Stack) int { return cmp.Compare(b.Count, a.Count) })
	return d
}
