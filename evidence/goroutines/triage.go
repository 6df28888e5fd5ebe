package goroutines

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Group is goroutines of one dump, or of two compared, that wait in one place and were started in one.
type Group struct {
	State     string        `json:"state,omitempty"`
	Risk      string        `json:"risk"`
	Count     int           `json:"count"`
	Growth    int           `json:"growth,omitempty"` // since the earlier dump
	Wait      time.Duration `json:"wait,omitempty"`   // of the oldest; only stacks of debug=2 tell
	Leaked    bool          `json:"leaked,omitempty"` // proven by the garbage collector
	Suspect   bool          `json:"suspect,omitempty"`
	Where     string        `json:"where"`
	CreatedBy string        `json:"created_by,omitempty"`
	Source    string        `json:"source,omitempty"` // the line at Where, once [Triage.ReadSource] has found it
	Context   []Line        `json:"context,omitempty"`
	Means     string        `json:"means,omitempty"`     // what the state means, and what to look for
	Likely    string        `json:"likely,omitempty"`    // what such goroutines usually suffer from
	LikelyZH  string        `json:"likely_zh,omitempty"` // the same in Chinese
	Cause     string        `json:"cause,omitempty"`     // the root cause of the catalogue that this is, if it is one
	Example   []string      `json:"stack"`

	risk  Risk
	where Frame
}

// Triage is the goroutines of a process in groups. Plain data; safe to read concurrently.
type Triage struct {
	Total    int     `json:"total"`
	Before   int     `json:"before,omitempty"` // in the earlier dump
	Compared bool    `json:"compared"`
	Groups   []Group `json:"groups"` // the most suspect first
}

// Suspects returns the groups that may be leaks: those that are proven, and, among those that wait for another
// goroutine, those that grow between two dumps or, where there is only one, that are large.
func (t *Triage) Suspects() (suspects []Group) {
	for _, g := range t.Groups {
		if g.Suspect {
			suspects = append(suspects, g)
		}
	}
	return suspects
}

// many is how many goroutines at one place are suspect in a single dump: worker pools are smaller.
const many = 100

func (g *Group) suspect(compared bool) bool {
	switch {
	case g.risk == Stuck:
		return true
	case g.risk != Suspect:
		return false
	case compared:
		return g.Growth > 0
	}
	return g.Count >= many
}

// Compare groups a dump. before may be nil; with it each group's growth is told, which tells a leak from a pool. Where only one of the
// two tells who started the goroutines, they are grouped without that.
func Compare(before, now *Dump) *Triage {
	t := &Triage{Total: now.Total, Compared: before != nil, Groups: []Group{}}
	origins := before == nil || before.tellsOrigins() == now.tellsOrigins()
	earlier := make(map[string]int)
	if before != nil {
		t.Before = before.Total
		for _, s := range before.Stacks {
			earlier[groupKey(s, origins)] += s.Count
		}
	}
	at := make(map[string]int) // in t.Groups
	for _, s := range now.Stacks {
		key := groupKey(s, origins)
		i, known := at[key]
		if !known {
			i = len(t.Groups)
			at[key], t.Groups = i, append(t.Groups, newGroup(s))
			t.Groups[i].Growth = -earlier[key]
		}
		g := &t.Groups[i]
		g.Count += s.Count
		g.Growth += s.Count
		g.Wait = max(g.Wait, s.Wait)
		g.risk, g.Leaked = max(g.risk, s.Risk()), g.Leaked || s.Leaked
	}
	for i := range t.Groups {
		t.Groups[i].judge(t.Compared)
	}
	slices.SortStableFunc(t.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.risk, a.risk), cmp.Compare(b.Growth, a.Growth), cmp.Compare(b.Count, a.Count))
	})
	return t
}

// tellsOrigins reports whether the dump has who started goroutines: only stacks of debug=2 have.
func (d *Dump) tellsOrigins() bool {
	return slices.ContainsFunc(d.Stacks, func(s Stack) bool { return !s.CreatedBy.IsZero() })
}

// groupKey is what makes goroutines one group: their state, where they wait and, if that is known, who started them. Labels tell requests
// apart.
func groupKey(s Stack, origins bool) string {
	if !origins {
		return fmt.Sprintf("%v|%v", s.State, s.Where())
	}
	return fmt.Sprintf("%v|%v|%v", s.State, s.Where(), s.CreatedBy)
}

func newGroup(s Stack) Group {
	where := s.Where()
	g := Group{State: string(s.State), Where: where.String(), where: where, Means: s.State.Means()}
	if !s.CreatedBy.IsZero() {
		g.CreatedBy = s.CreatedBy.String()
	}
	for _, f := range s.Frames {
		g.Example = append(g.Example, f.String())
	}
	g.suffersFrom(atLibrary(s))
	return g
}

// judge says what is made of a group once all of it is counted.
func (g *Group) judge(compared bool) {
	g.Risk = g.risk.String()
	if !compared {
		g.Growth = 0
	}
	g.Suspect = g.suspect(compared)
	if g.Likely == "" {
		g.suffersFrom(g.fromState())
	}
}

func (g *Group) suffersFrom(s suspicion) {
	g.Likely, g.LikelyZH, g.Cause = s.english, s.chinese, s.cause
}
