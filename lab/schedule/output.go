package schedule

import (
	"bytes"
	"slices"
)

const (
	keptHead  = 16 << 10 // of the beginning of a run's output
	keptTail  = 48 << 10 // of its end
	lineStart = 64       // of a line: enough to tell whether it begins a crash
	keptCrash = 8 << 10  // of what comes from the first line on that says why the program dies
)

// output keeps what is worth keeping of what a program prints: the beginning, the end, and the beginning of its crash,
// which may lie between the two when thousands of stacks follow. Only one goroutine of os/exec writes: both outputs are
// the same.
type output struct {
	head, tail, crash []byte
	line              []byte // the beginning of the line that is being written
	crashed, cut      bool
}

func (o *output) Write(p []byte) (int, error) {
	o.findCrash(p)
	n := len(p)
	if room := keptHead - len(o.head); room > 0 {
		k := min(room, len(p))
		o.head, p = append(o.head, p[:k]...), p[k:]
	}
	o.tail = append(o.tail, p...)
	if over := len(o.tail) - keptTail; over > keptTail {
		o.tail, o.cut = append(o.tail[:0], o.tail[over:]...), true
	}
	return n, nil
}

// findCrash looks at each line's beginning until one is that of a crash, and keeps what follows.
func (o *output) findCrash(p []byte) {
	if o.crashed {
		o.crash = append(o.crash, p[:min(len(p), keptCrash-len(o.crash))]...)
		return
	}
	text := slices.Concat(o.line, p)
	if at := crashLine.FindIndex(text); at != nil {
		o.crashed = true
		o.crash = text[at[0]:min(len(text), at[0]+keptCrash)]
		return
	}
	last := text[bytes.LastIndexByte(text, '\n')+1:]
	o.line = bytes.Clone(last[:min(len(last), lineStart)])
}

func (o *output) String() string {
	tail := o.tail[max(len(o.tail)-keptTail, 0):]
	if !o.cut && len(tail) == len(o.tail) {
		return string(o.head) + string(tail)
	}
	text := string(o.head) + "\n...\n"
	if o.crashed {
		text += string(o.crash) + "\n...\n"
	}
	return text + string(tail)
}
