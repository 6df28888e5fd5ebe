// Package pprofile reads the profiles that Go programs write, github.com/google/pprof/proto/profile.proto: the few fields of it
// that are needed to tell who holds or waits for what, hence by hand and without a library that a service would have to link.
//
// Whatever is read is bounded: a few bytes of a forged profile can stand for a thousand frames.
package pprofile

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

const (
	// maxProfile bounds the unpacked profile, in bytes; 100,000 goroutines in a large service take about 1 MB.
	maxProfile = 64 << 20
	// maxExpanded bounds the frames of all samples together.
	maxExpanded = 1 << 24
	// MaxStack bounds the frames of one sample; the outermost are dropped.
	MaxStack = 1 << 10
)

// Profile is a decoded profile. Read-only after [Parse].
type Profile struct {
	// Types say what the values of a sample are, in their order.
	Types []Type

	strings   [][]byte
	functions map[uint64]function
	locations map[uint64][]line
	samples   [][]byte
	types     [][2]uint64
}

// Type is what one value of a sample is, such as inuse_space in bytes.
type Type struct{ Name, Unit string }

// Frame is a function and a place in it.
type Frame struct {
	Func string
	File string
	Line int
}

// Sample is a stack, its values and its labels. Its slices are used again for the next sample.
type Sample struct {
	Frames []Frame // innermost first
	Values []int64
	Labels map[string]string // nil when there are none
}

type function struct{ name, file uint64 }

type line struct{ function, line uint64 }

// Parse reads a profile, packed by gzip as runtime/pprof writes it.
func Parse(r io.Reader) (*Profile, error) {
	zr, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(zr, maxProfile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxProfile {
		return nil, fmt.Errorf("the profile has more than %d bytes", maxProfile)
	}
	return decode(data)
}

func decode(data []byte) (*Profile, error) {
	p := &Profile{functions: make(map[uint64]function), locations: make(map[uint64][]line)}
	if err := fields(data, p.field); err != nil {
		return nil, err
	}
	for _, t := range p.types {
		p.Types = append(p.Types, Type{p.text(t[0]), p.text(t[1])})
	}
	return p, nil
}

// field takes a field of the message Profile. Names are indexes into strings until all is read: the table comes last.
func (p *Profile) field(number int, _ uint64, content []byte) error {
	switch number {
	case 1: // sample type
		name, unit, err := pair(content)
		p.types = append(p.types, [2]uint64{name, unit})
		return err
	case 2: // sample
		p.samples = append(p.samples, content)
	case 4: // location
		return p.location(content)
	case 5: // function
		var id uint64
		var f function
		err := fields(content, func(number int, value uint64, _ []byte) error {
			switch number {
			case 1:
				id = value
			case 2:
				f.name = value
			case 4:
				f.file = value
			}
			return nil
		})
		p.functions[id] = f
		return err
	case 6: // string table
		p.strings = append(p.strings, content)
	}
	return nil
}

func (p *Profile) location(content []byte) error {
	var id uint64
	var lines []line
	err := fields(content, func(number int, value uint64, content []byte) error {
		switch number {
		case 1:
			id = value
		case 4: // a line; several when functions were inlined, the innermost first
			function, at, err := pair(content)
			lines = append(lines, line{function, at})
			return err
		}
		return nil
	})
	p.locations[id] = lines
	return err
}

// pair returns the first two fields of a message, both numbers.
func pair(content []byte) (first, second uint64, err error) {
	err = fields(content, func(number int, value uint64, _ []byte) error {
		switch number {
		case 1:
			first = value
		case 2:
			second = value
		}
		return nil
	})
	return first, second, err
}

var errTooMany = fmt.Errorf("more than %d frames", maxExpanded)

// Each calls f with each sample in turn, until f returns an error.
func (p *Profile) Each(f func(s *Sample) error) error {
	var s Sample
	expanded := 0
	for _, content := range p.samples {
		s.Frames, s.Values, s.Labels = s.Frames[:0], s.Values[:0], nil
		if err := fields(content, func(number int, value uint64, content []byte) error {
			switch number {
			case 1: // location ids
				return varints(value, content, func(id uint64) { s.Frames = p.appendFrames(s.Frames, id) })
			case 2:
				if len(content) > maxProfile/len(p.samples)+1<<10 {
					return errors.New("a sample has too many values")
				}
				return varints(value, content, func(v uint64) { s.Values = append(s.Values, int64(v)) })
			case 3:
				return p.label(&s, content)
			}
			return nil
		}); err != nil {
			return err
		}
		if expanded += len(s.Frames); expanded > maxExpanded {
			return errTooMany
		}
		if err := f(&s); err != nil {
			return err
		}
	}
	return nil
}

func (p *Profile) appendFrames(frames []Frame, location uint64) []Frame {
	for _, l := range p.locations[location] {
		if len(frames) == MaxStack {
			break
		}
		f := p.functions[l.function]
		frames = append(frames, Frame{Func: p.text(f.name), File: p.text(f.file), Line: int(min(l.line, 1<<31-1))})
	}
	return frames
}

func (p *Profile) label(s *Sample, content []byte) error {
	key, value, err := pair(content)
	if s.Labels == nil {
		s.Labels = make(map[string]string)
	}
	s.Labels[p.text(key)] = p.text(value)
	return err
}

func (p *Profile) text(index uint64) string {
	if index >= uint64(len(p.strings)) {
		return ""
	}
	return string(p.strings[index])
}
