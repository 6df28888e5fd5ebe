// Package leaks is `stability leaks`: it reads goroutine dumps in any form, groups what waits, says what each state means and
// where to look, and compares two dumps to tell what grows from what is merely there.
package leaks

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability/evidence/goroutines"
)

// Group is goroutines of one dump, or of two compared, that wait in one place.
type Group struct {
	State     string        `json:"state,omitempty"`
	Risk      string        `json:"risk"`
	Count     int           `json:"count"`
	Growth    int           `json:"growth,omitempty"` // since the earlier dump
	Wait      time.Duration `json:"wait,omitempty"`   // of the oldest; only stacks of debug=2 tell
	Leaked    bool          `json:"leaked,omitempty"` // proven by the garbage collector
	Where     string        `json:"where"`
	CreatedBy string        `json:"created_by,omitempty"`
	Source    string        `json:"source,omitempty"` // the line at Where, when the file is here
	Means     string        `json:"means,omitempty"`  // what the state means, and what to look for
	Example   []string      `json:"stack"`

	risk goroutines.Risk
}

// Report is what was found.
type Report struct {
	Total    int     `json:"total"`
	Before   int     `json:"before,omitempty"` // in the earlier dump
	Compared bool    `json:"compared"`
	Groups   []Group `json:"groups"` // the most suspect first
}

// Suspects returns the groups that may be leaks: those that are proven, and, among those that wait for another
// goroutine, those that grow between two dumps or, where there is only one, that are large.
func (r Report) Suspects() []Group {
	var suspects []Group
	for _, g := range r.Groups {
		if g.suspect(r.Compared) {
			suspects = append(suspects, g)
		}
	}
	return suspects
}

// Suspicious reports whether a single dump makes the group suspect.
func (g Group) Suspicious() bool { return g.suspect(false) }

// many is how many goroutines at one place are suspect in a single dump: worker pools are smaller.
const many = 100

func (g Group) suspect(compared bool) bool {
	switch {
	case g.risk == goroutines.Stuck:
		return true
	case g.risk != goroutines.Suspect:
		return false
	case compared:
		return g.Growth > 0
	}
	return g.Count >= many
}

// Analyze groups a dump. before may be nil; with it each group's growth is told.
func Analyze(before, now *goroutines.Dump) Report {
	r := Report{Total: now.Total, Compared: before != nil}
	earlier := make(map[string]int)
	if before != nil {
		r.Before = before.Total
		for _, s := range before.Stacks {
			earlier[key(s)] += s.Count
		}
	}
	byKey := make(map[string]*Group)
	var order []string
	for _, s := range now.Stacks {
		k := key(s)
		g := byKey[k]
		if g == nil {
			g = newGroup(s)
			byKey[k], order = g, append(order, k)
		}
		g.Count += s.Count
		g.Wait = max(g.Wait, s.Wait)
		g.risk, g.Leaked = max(g.risk, s.Risk()), g.Leaked || s.Leaked
	}
	for _, k := range order {
		g := byKey[k]
		g.Risk = g.risk.String()
		if before != nil {
			g.Growth = g.Count - earlier[k]
		}
		r.Groups = append(r.Groups, *g)
	}
	slices.SortStableFunc(r.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.risk, a.risk), cmp.Compare(b.Growth, a.Growth), cmp.Compare(b.Count, a.Count))
	})
	return r
}

// key is what makes goroutines one group: their state, where they wait and who started them. Labels tell requests apart.
func key(s goroutines.Stack) string {
	return fmt.Sprintf("%v|%v|%v", s.State, s.Where(), s.CreatedBy)
}

func newGroup(s goroutines.Stack) *Group {
	where := s.Where()
	g := &Group{State: fmt.Sprint(s.State), Where: where.String(), Source: sourceLine(where), Means: s.State.Means()}
	if !s.CreatedBy.IsZero() {
		g.CreatedBy = s.CreatedBy.String()
	}
	for _, f := range s.Frames {
		g.Example = append(g.Example, f.String())
	}
	return g
}

// sourceLine returns the line of a frame, "" when the file is not here.
func sourceLine(f goroutines.Frame) string {
	if f.File == "" || f.Line <= 0 || !filepath.IsAbs(f.File) {
		return ""
	}
	content, err := os.ReadFile(f.File)
	if err != nil {
		return ""
	}
	n := 0
	for line := range strings.Lines(string(content)) {
		if n++; n == f.Line {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// maxDump bounds what is read of a dump: a million goroutines in full take less.
const maxDump = 4 << 30

// Read reads a dump from a file, "-" for standard input, a bundle of evidence, or the address of a service's pprof, such as
// http://localhost:6060/debug/pprof/goroutine.
func Read(ctx context.Context, target string) (*goroutines.Dump, error) {
	from, err := open(ctx, target)
	if err != nil {
		return nil, fmt.Errorf("leaks: reading %s: %w", target, err)
	}
	defer from.Close()
	dump, err := goroutines.Parse(io.LimitReader(from, maxDump))
	if err != nil {
		return nil, fmt.Errorf("leaks: reading %s: %w", target, err)
	}
	return dump, nil
}

// IsURL reports whether a target is a service's address.
func IsURL(target string) bool {
	return strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://")
}

func open(ctx context.Context, target string) (io.ReadCloser, error) {
	switch {
	case target == "-":
		return io.NopCloser(os.Stdin), nil
	case IsURL(target):
		return fetch(ctx, target)
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		for _, name := range []string{goroutines.StacksFile, goroutines.ProfileFile} {
			if f, err := os.Open(filepath.Join(target, name)); err == nil {
				return f, nil
			}
		}
		return nil, fmt.Errorf("the folder has neither %s nor %s: it is no bundle with goroutines", goroutines.StacksFile, goroutines.ProfileFile)
	}
	return os.Open(target)
}

func fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("the service answers %s; the address is that of its pprof, such as http://localhost:6060/debug/pprof/goroutine", response.Status)
	}
	return response.Body, nil
}
