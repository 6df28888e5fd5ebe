package pprofile

import (
	"cmp"
	"slices"
	"strings"
)

// Node is a function in a flame graph: what it and those that it called hold, as seen from its callers.
type Node struct {
	Name     string  `json:"name"`
	Place    string  `json:"place,omitempty"` // the last part of the file's name, and the line
	Value    int64   `json:"value"`           // with all that it called
	Children []*Node `json:"children,omitempty"`

	at map[Frame]*Node
}

// Fold joins the samples into a tree by the value of that index, callers above. What is below a share of the whole is left out,
// and so is what is deeper than depth: nobody can see it.
func (p *Profile) Fold(value int, share float64, depth int) (*Node, error) {
	root := &Node{}
	err := p.Each(func(s *Sample) error {
		if value >= len(s.Values) || s.Values[value] <= 0 {
			return nil
		}
		root.Value += s.Values[value]
		n := root
		for i := len(s.Frames) - 1; i >= max(0, len(s.Frames)-depth); i-- {
			n = n.child(s.Frames[i])
			n.Value += s.Values[value]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	root.prune(int64(float64(root.Value) * share))
	return root, nil
}

func (n *Node) child(f Frame) *Node {
	f.Line = 0 // two lines of a function are one bar; which of them it was, go tool pprof tells
	if c, ok := n.at[f]; ok {
		return c
	}
	c := &Node{Name: f.Func, Place: f.File[strings.LastIndexByte(f.File, '/')+1:]}
	if n.at == nil {
		n.at = make(map[Frame]*Node)
	}
	n.at[f] = c
	n.Children = append(n.Children, c)
	return c
}

func (n *Node) prune(least int64) {
	n.at = nil
	n.Children = slices.DeleteFunc(n.Children, func(c *Node) bool { return c.Value < max(1, least) })
	slices.SortStableFunc(n.Children, func(a, b *Node) int { return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Name, b.Name)) })
	for _, c := range n.Children {
		c.prune(least)
	}
}

// Holder is a place and what is held there.
type Holder struct {
	Frame
	Value int64
}

// Top returns the n places with the greatest value of that index; where is asked which frame of a sample is the place.
func (p *Profile) Top(value, n int, where func(frames []Frame) Frame) (top []Holder, total int64, err error) {
	at := make(map[Frame]int64)
	err = p.Each(func(s *Sample) error {
		if value < len(s.Values) && s.Values[value] > 0 {
			at[where(s.Frames)] += s.Values[value]
			total += s.Values[value]
		}
		return nil
	})
	for f, v := range at {
		top = append(top, Holder{f, v})
	}
	slices.SortFunc(top, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Func, b.Func), cmp.Compare(a.Line, b.Line))
	})
	return top[:min(n, len(top))], total, err
}

// Index returns the position of the value of that name, or -1.
func (p *Profile) Index(name string) int {
	return slices.IndexFunc(p.Types, func(t Type) bool { return t.Name == name })
}
