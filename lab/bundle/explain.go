package bundle

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"encoding/json"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/evidence/goroutines"
	"github.com/falsifiable/stability/internal/pprofile"
)

// Explanation is a bundle in words.
type Explanation struct {
	Bundle     string              `json:"bundle"`
	Path       string              `json:"path"`
	Build      evidence.Build      `json:"build"`
	Violation  stability.Violation `json:"violation"`
	For        time.Duration       `json:"for"`               // how long the check asks it to be so
	Judgments  []stability.Point   `json:"judgments"`         // the check's own history
	Grew       []Change            `json:"grew"`              // with it, the most first
	Fell       []Change            `json:"fell"`              //
	Signature  string              `json:"signature"`         // the place where most goroutines wait
	Goroutines int                 `json:"goroutines"`        // in all
	Groups     []goroutines.Group  `json:"groups"`            // the largest suspect groups
	Holders    []Holder            `json:"holders"`           // of the live heap
	Cause      *Cause              `json:"cause,omitempty"`   // that the check names
	Guesses    []Cause             `json:"guesses,omitempty"` // where it names none
	Try        []string            `json:"try"`
	Absent     []evidence.Skip     `json:"skipped,omitempty"`
	Unread     []string            `json:"unread,omitempty"` // files that could not be read, and why
}

// Holder is a place in the service that holds a share of the live heap.
type Holder struct {
	Where string  `json:"where"`
	Bytes int64   `json:"bytes"`
	Share float64 `json:"share"`
}

const (
	groupsTold  = 5
	holdersTold = 5
	heapFile    = "heap.pb.gz"
)

// Explain reads a bundle. The explanation names what is missing or damaged, and explains the rest. An error means that
// there is nothing to explain.
func Explain(path string) (*Explanation, error) {
	b, err := open(path)
	if err != nil {
		return nil, err
	}
	e := &Explanation{Bundle: b.ID, Path: path, Build: b.Build, Signature: b.Signature, Absent: b.Skipped}
	if len(b.Violation) == 0 {
		return nil, fmt.Errorf("%s: its manifest names no violation: it was not captured by a monitor", path)
	}
	if err := json.Unmarshal(b.Violation, &e.Violation); err != nil {
		return nil, fmt.Errorf("%s: the violation in its manifest: %w", path, err)
	}
	recorded := e.readHistory(b)
	e.readGoroutines(b)
	e.readHeap(b)
	e.findCause(recorded)
	e.Try = e.advice(b)
	return e, nil
}

// unread notes that a file could not be read, unless the bundle never had it.
func (e *Explanation) unread(b evidence.Bundle, file string, err error) {
	if _, has := b.File(file); has && err != nil {
		e.Unread = append(e.Unread, fmt.Sprintf("%s: %v", file, err))
	}
}

// readHistory reads what changed, and returns the names of the check's own signals.
func (e *Explanation) readHistory(b evidence.Bundle) (own []string) {
	var r stability.Recording
	err := b.Decode(stability.RecordingDocument, &r)
	e.unread(b, stability.RecordingDocument+".json", err)
	var trends []stability.Trend
	for _, h := range r.Signals {
		own = append(own, h.Desc.Name)
		for _, in := range h.Instances {
			if in.Labels.Related(e.Violation.Labels) {
				trends = append(trends, stability.Trend{Name: h.Desc.Name, Labels: in.Labels, Unit: h.Desc.Unit, Kind: h.Desc.Kind, At: in.At, Values: in.Values})
			}
		}
	}
	e.For = r.Check.For
	e.Grew, e.Fell = changes(trends, true)
	var s stability.Surroundings
	err = b.Decode(stability.SurroundingsDocument, &s)
	e.unread(b, stability.SurroundingsDocument+".json", err)
	e.Judgments = s.Judgments
	grew, fell := changes(s.Trends, false)
	e.Grew, e.Fell = most(append(e.Grew, grew...)), most(append(e.Fell, fell...))
	return own
}

// readGoroutines reads the groups from the form that tells most.
func (e *Explanation) readGoroutines(b evidence.Bundle) {
	for _, file := range []string{goroutines.StacksFile, goroutines.ProfileFile} {
		content, err := b.ReadFile(file)
		var dump *goroutines.Dump
		if err == nil {
			dump, err = goroutines.Parse(bytes.NewReader(content))
		}
		if err != nil {
			e.unread(b, file, err)
			continue
		}
		r := goroutines.Compare(nil, dump)
		e.Goroutines = r.Total
		var told goroutines.Triage
		for _, g := range r.Groups {
			if g.Suspect && len(told.Groups) < groupsTold {
				told.Groups = append(told.Groups, g)
			}
		}
		told.ReadSource()
		e.Groups = told.Groups
		return
	}
}

func (e *Explanation) readHeap(b evidence.Bundle) {
	content, err := b.ReadFile(heapFile)
	if err != nil {
		e.unread(b, heapFile, err)
		return
	}
	p, err := pprofile.Parse(bytes.NewReader(content))
	if err != nil {
		e.unread(b, heapFile, err)
		return
	}
	top, total, err := p.Top(p.Index("inuse_space"), holdersTold, allocator)
	e.unread(b, heapFile, err)
	for _, h := range top {
		e.Holders = append(e.Holders, Holder{goroutines.Frame(h.Frame).String(), h.Value, float64(h.Value) / float64(total)})
	}
}

// allocator is the innermost frame outside the standard library.
func allocator(frames []pprofile.Frame) pprofile.Frame {
	s := goroutines.Stack{Frames: make([]goroutines.Frame, len(frames))}
	for i, f := range frames {
		s.Frames[i] = goroutines.Frame(f)
	}
	return pprofile.Frame(s.Where())
}

// advice says what to try, by the cause and by what the bundle has.
func (e *Explanation) advice(b evidence.Bundle) (try []string) {
	if c := e.Cause; c != nil {
		try = append(try, c.advice()...)
	}
	for _, tool := range []struct{ file, command, why string }{
		{goroutines.LeakFile, "go tool pprof -top " + path(b, goroutines.LeakFile), "leaks that the garbage collector has proven"},
		{goroutines.ProfileFile, "stability leaks -all " + b.Path, "all groups of goroutines"},
		{heapFile, "go tool pprof -top " + path(b, heapFile), "who holds the memory"},
		{"flight.trace", "go tool trace " + path(b, "flight.trace"), "what ran in the last seconds"},
		{stability.RecordingDocument + ".json", "stability replay " + b.Path, "try a changed threshold on this very incident"},
	} {
		if _, ok := b.File(tool.file); ok {
			try = append(try, tool.command+"  # "+tool.why)
		}
	}
	if !e.Violation.Proven {
		try = append(try, "stability falsify  # nobody has tried this check: find out whether it can be trusted")
	}
	return slices.Compact(try)
}

func path(b evidence.Bundle, file string) string {
	return strings.TrimSuffix(b.Path, "/") + "/" + file
}
