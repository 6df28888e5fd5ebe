package schedule

import "github.com/falsifiable/stability/lab/internal/dying"

const (
	keptHead = 16 << 10 // of the beginning of a run's output
	keptTail = 48 << 10 // of its end
)

// output keeps what is worth keeping of what a program prints: the beginning, the end, and the beginning of its crash,
// which may lie between the two when thousands of stacks follow. Only one goroutine of os/exec writes: both outputs are
// the same.
type output struct {
	head, tail []byte
	crash      dying.Crash
	cut        bool
}

func (o *output) Write(p []byte) (int, error) {
	_, _ = o.crash.Write(p)
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

func (o *output) String() string {
	tail := o.tail[max(len(o.tail)-keptTail, 0):]
	if !o.cut && len(tail) == len(o.tail) {
		return string(o.head) + string(tail)
	}
	text := string(o.head) + "\n...\n"
	if crash := o.crash.Bytes(); crash != nil {
		text += string(crash) + "\n...\n"
	}
	return text + string(tail)
}
