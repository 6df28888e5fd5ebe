package goroutines

import (
	"io"

	"github.com/falsifiable/stability/internal/pprofile"
)

// parseProfile reads the gzipped protocol buffer of debug=0.
func parseProfile(r io.Reader) (*Dump, error) {
	p, err := pprofile.Parse(r)
	if err != nil {
		return nil, err
	}
	var g grouper
	var stack []Frame
	err = p.Each(func(sample *pprofile.Sample) error {
		s := Stack{Frames: stack[:0], Labels: sample.Labels}
		if len(sample.Values) > 0 {
			s.Count = int(max(0, min(sample.Values[0], 1<<31-1)))
		}
		for _, f := range sample.Frames {
			s.Frames = append(s.Frames, Frame(f))
		}
		stack = s.Frames
		s.State = stateOf(s.Frames)
		return g.add(s)
	})
	if err != nil {
		return nil, err
	}
	return g.dump(), nil
}
