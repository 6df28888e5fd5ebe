package goroutines

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// parseText reads debug=1 and debug=2, which differ in their first line only as far as telling them apart goes.
func parseText(r io.Reader) (*Dump, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	p := &textParser{}
	for lines.Scan() {
		if err := p.line(lines.Text()); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if err := p.flush(); err != nil {
		return nil, err
	}
	if p.groups.total == 0 && !p.counted {
		return nil, errors.New("there are no goroutines in it")
	}
	return p.groups.dump(), nil
}

// textParser takes a dump line by line.
type textParser struct {
	groups  grouper
	counted bool // debug=1: "goroutine profile: total N" was seen
	open    bool // current holds a goroutine
	current Stack
	pending string // debug=2: a function whose place comes on the next line
	created bool   // … after "created by"
}

func (p *textParser) line(line string) error {
	switch {
	case !p.open && !p.counted && strings.Contains(line, " profile: total "):
		p.counted = true
		return nil
	case p.counted:
		return p.countedLine(line)
	default:
		return p.stackLine(line)
	}
}

// flush ends the goroutine or group under way.
func (p *textParser) flush() error {
	if !p.open {
		return nil
	}
	p.open, p.pending, p.created = false, "", false
	s := p.current
	p.current = Stack{Frames: s.Frames[:0]}
	if p.counted {
		s.State = stateOf(s.Frames)
	}
	return p.groups.add(s)
}

// countedLine reads debug=1:
//
//	2 @ 0x48408e 0x41816e
//	# labels: {"route":"/pay"}
//	#	0x5199d8	main.main.func1+0x18	/src/main.go:7
func (p *textParser) countedLine(line string) error {
	if count, _, ok := strings.Cut(line, " @"); ok && !strings.HasPrefix(line, "#") {
		if err := p.flush(); err != nil {
			return err
		}
		n, err := strconv.ParseUint(count, 10, 31) // what an int holds everywhere
		if err != nil {
			return errors.New("a group of " + strconv.Quote(count) + " goroutines")
		}
		p.open, p.current.Count = true, int(n)
		return nil
	}
	if !p.open {
		return nil
	}
	if text, ok := strings.CutPrefix(line, "# labels: "); ok {
		p.current.Labels = parseLabels(text)
		return nil
	}
	fields := strings.Split(line, "\t") // "#", address, function, place; the columns are aligned by more tabs
	fields = withoutEmpty(fields)
	if len(fields) < 3 || fields[0] != "#" {
		return nil
	}
	f := Frame{Func: fields[2]}
	if i := strings.LastIndex(f.Func, "+0x"); i > 0 {
		f.Func = f.Func[:i]
	}
	if len(fields) > 3 {
		f.File, f.Line = splitPlace(fields[3])
	}
	p.addFrame(f)
	return nil
}

// stackLine reads debug=2, the form in which a crashing program prints its goroutines:
//
//	goroutine 22 [chan receive, 5 minutes]:
//	main.main.func1()
//		/src/main.go:7 +0x18
//	created by main.main in goroutine 1
//		/src/main.go:7 +0x2f
func (p *textParser) stackLine(line string) error {
	line = strings.TrimRight(line, "\r")
	if s, ok := parseHeader(line); ok {
		if err := p.flush(); err != nil {
			return err
		}
		s.Frames = p.current.Frames[:0]
		p.open, p.current = true, s
		return nil
	}
	if !p.open {
		return nil
	}
	if line == "" {
		return p.flush()
	}
	if place, ok := strings.CutPrefix(line, "\t"); ok {
		p.place(place)
		return nil
	}
	if name, ok := strings.CutPrefix(line, "created by "); ok {
		p.pending, _, _ = strings.Cut(name, " in goroutine ")
		p.created = true
		return nil
	}
	if i := strings.LastIndexByte(line, '('); i > 0 && strings.HasSuffix(line, ")") {
		p.pending, p.created = line[:i], false
	}
	return nil // "...additional frames elided...", "goroutine running on other thread; stack unavailable"
}

func (p *textParser) place(text string) {
	if p.pending == "" {
		return
	}
	text, _, _ = strings.Cut(text, " +0x")
	f := Frame{Func: p.pending}
	f.File, f.Line = splitPlace(text)
	p.pending = ""
	if p.created {
		p.current.CreatedBy = f
		return
	}
	p.addFrame(f)
}

func (p *textParser) addFrame(f Frame) {
	if len(p.current.Frames) < maxStack {
		p.current.Frames = append(p.current.Frames, f)
	}
}

// parseHeader reads "goroutine 22 [chan receive, 5 minutes, locked to thread]:" and its variations: addresses before
// the bracket (GOTRACEBACK=system), "(leaked)", "(scan)" and "(durable)" after the state, labels at the end.
func parseHeader(line string) (Stack, bool) {
	rest, ok := strings.CutPrefix(line, "goroutine ")
	if !ok || !strings.HasSuffix(rest, "]:") {
		return Stack{}, false
	}
	before, inside, ok := strings.Cut(strings.TrimSuffix(rest, "]:"), "[")
	if !ok {
		return Stack{}, false
	}
	id, _, _ := strings.Cut(before, " ")
	s := Stack{Count: 1}
	var err error
	if s.Example, err = strconv.ParseInt(id, 10, 64); err != nil {
		return Stack{}, false
	}
	inside, labels, _ := strings.Cut(inside, " labels:")
	s.Labels = parseLabels(labels)
	parts := strings.Split(inside, ", ")
	state := parts[0]
	for _, note := range []string{" (scan)", " (leaked)", " (durable)"} {
		var had bool
		if state, had = cutAll(state, note); had && note == " (leaked)" {
			s.Leaked = true
		}
	}
	s.State = State(state)
	for _, part := range parts[1:] {
		if minutes, ok := strings.CutSuffix(part, " minutes"); ok {
			n, _ := strconv.ParseInt(minutes, 10, 32)
			s.Wait = time.Duration(n) * time.Minute
		}
		s.Locked = s.Locked || part == "locked to thread"
	}
	return s, true
}

func cutAll(s, part string) (string, bool) {
	without := strings.ReplaceAll(s, part, "")
	return without, without != s
}

// parseLabels reads {"key":"value", "key": "value"}, with and without the space; what is not that is dropped.
func parseLabels(text string) map[string]string {
	text = strings.TrimPrefix(strings.TrimSpace(text), "{")
	var labels map[string]string
	for {
		key, rest, ok := cutQuoted(text)
		if !ok {
			return labels
		}
		value, rest, ok := cutQuoted(strings.TrimPrefix(rest, ":"))
		if !ok {
			return labels
		}
		if labels == nil {
			labels = make(map[string]string)
		}
		labels[key] = value
		text = strings.TrimPrefix(rest, ",")
	}
}

func cutQuoted(text string) (value, rest string, ok bool) {
	text = strings.TrimLeft(text, " ")
	quoted, err := strconv.QuotedPrefix(text)
	if err != nil {
		return "", "", false
	}
	value, err = strconv.Unquote(quoted)
	return value, text[len(quoted):], err == nil
}

// splitPlace splits "/src/main.go:7"; a drive letter's colon is not the one.
func splitPlace(text string) (file string, line int) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return text, 0
	}
	n, err := strconv.Atoi(text[i+1:])
	if err != nil {
		return text, 0
	}
	return text[:i], n
}

func withoutEmpty(fields []string) []string {
	kept := fields[:0]
	for _, f := range fields {
		if f != "" {
			kept = append(kept, f)
		}
	}
	return kept
}
