package goroutines

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxProfile bounds the unpacked profile; 100,000 goroutines in a large service take about 1 MB.
const maxProfile = 64 << 20

// maxExpanded bounds the frames of all samples together: a few bytes of a forged profile can stand for a thousand.
const maxExpanded = 1 << 24

// parseProfile reads the gzipped protocol buffer of debug=0, github.com/google/pprof/proto/profile.proto: the few
// fields of it that a goroutine profile needs, hence by hand.
func parseProfile(r io.Reader) (*Dump, error) {
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
	p := &profile{functions: make(map[uint64]function), locations: make(map[uint64][]line)}
	if err := fields(data, p.field); err != nil {
		return nil, err
	}
	return p.dump()
}

// profile is profile.proto's Profile. Names are indexes into strings until all is read: the table comes last.
type profile struct {
	strings   [][]byte
	functions map[uint64]function
	locations map[uint64][]line
	samples   [][]byte
}

type function struct{ name, file uint64 }

type line struct{ function, line uint64 }

func (p *profile) field(number int, value uint64, content []byte) error {
	switch number {
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

func (p *profile) location(content []byte) error {
	var id uint64
	var lines []line
	err := fields(content, func(number int, value uint64, content []byte) error {
		switch number {
		case 1:
			id = value
		case 4: // a line; several when functions were inlined, the innermost first
			var l line
			lines = append(lines, l)
			return fields(content, func(number int, value uint64, _ []byte) error {
				switch number {
				case 1:
					lines[len(lines)-1].function = value
				case 2:
					lines[len(lines)-1].line = value
				}
				return nil
			})
		}
		return nil
	})
	p.locations[id] = lines
	return err
}

func (p *profile) dump() (*Dump, error) {
	var g grouper
	var stack []Frame
	expanded := 0
	for _, content := range p.samples {
		s := Stack{Frames: stack[:0]}
		values := 0
		err := fields(content, func(number int, value uint64, content []byte) error {
			switch number {
			case 1: // location ids
				return varints(value, content, func(id uint64) { s.Frames = p.appendFrames(s.Frames, id) })
			case 2: // values: the first is the count
				return varints(value, content, func(v uint64) {
					if values++; values == 1 {
						s.Count = int(min(v, 1<<31))
					}
				})
			case 3:
				return p.label(&s, content)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		stack = s.Frames
		if expanded += len(stack); expanded > maxExpanded {
			return nil, fmt.Errorf("more than %d frames", maxExpanded)
		}
		s.State = stateOf(s.Frames)
		if err := g.add(s); err != nil {
			return nil, err
		}
	}
	return g.dump(), nil
}

func (p *profile) appendFrames(frames []Frame, location uint64) []Frame {
	for _, l := range p.locations[location] {
		if len(frames) == maxStack {
			break
		}
		f := p.functions[l.function]
		frames = append(frames, Frame{Func: p.text(f.name), File: p.text(f.file), Line: int(min(l.line, 1<<31))})
	}
	return frames
}

func (p *profile) label(s *Stack, content []byte) error {
	var key, value uint64
	err := fields(content, func(number int, v uint64, _ []byte) error {
		switch number {
		case 1:
			key = v
		case 2:
			value = v
		}
		return nil
	})
	if s.Labels == nil {
		s.Labels = make(map[string]string)
	}
	s.Labels[p.text(key)] = p.text(value)
	return err
}

func (p *profile) text(index uint64) string {
	if index >= uint64(len(p.strings)) {
		return ""
	}
	return string(p.strings[index])
}

var errProto = errors.New("it is no protocol buffer")

// fields calls f for each field of a message: value holds a number, content a string or a message within.
func fields(message []byte, f func(number int, value uint64, content []byte) error) error {
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 || tag>>3 > 1<<28 {
			return errProto
		}
		message = message[n:]
		var value uint64
		var content []byte
		size := 0
		switch tag & 7 {
		case 0:
			if value, size = binary.Uvarint(message); size <= 0 {
				return errProto
			}
		case 1:
			size = 8
		case 5:
			size = 4
		case 2:
			length, n := binary.Uvarint(message)
			if n <= 0 || length > uint64(len(message)-n) {
				return errProto
			}
			size = n + int(length)
			content = message[n:size]
		default:
			return errProto
		}
		if size > len(message) {
			return errProto
		}
		message = message[size:]
		if err := f(int(tag>>3), value, content); err != nil {
			return err
		}
	}
	return nil
}

// varints calls f for each number of a repeated field, which comes packed or one by one.
func varints(value uint64, packed []byte, f func(uint64)) error {
	if packed == nil {
		f(value)
		return nil
	}
	for r := bytes.NewReader(packed); r.Len() > 0; {
		v, err := binary.ReadUvarint(r)
		if err != nil {
			return errProto
		}
		f(v)
	}
	return nil
}
