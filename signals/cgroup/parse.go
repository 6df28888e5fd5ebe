package cgroup

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// number returns the number that b begins with; +Inf for the word max, NaN and false when there is none.
func number(b []byte) (float64, bool) {
	if bytes.HasPrefix(b, []byte("max")) {
		return math.Inf(1), true
	}
	n, digits := 0.0, 0
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + float64(c-'0')
		digits++
	}
	if digits == 0 {
		return math.NaN(), false
	}
	return n, true
}

// keys are numbers to find in a file of lines that are a key, blanks and a number each.
type keys struct {
	names  []string
	values []float64 // NaN for what was not there
	order  []int     // of names, as the file has them; learned
	found  []int
}

func keyed(names ...string) keys {
	k := keys{names: names, values: make([]float64, len(names)), order: make([]int, 0, len(names)), found: make([]int, 0, len(names))}
	k.none()
	for i := range names {
		k.order = append(k.order, i)
	}
	return k
}

func (k *keys) none() {
	for i := range k.values {
		k.values[i] = math.NaN()
	}
}

// scan takes the values from b. The kernel keeps the order of the lines, so once it is known each line is compared with
// one name only; a file that has changed is read again the long way.
func (k *keys) scan(b []byte) {
	k.none()
	next := 0
	for rest := b; len(rest) > 0 && next < len(k.order); {
		var line []byte
		line, rest = cutLine(rest)
		if i := k.order[next]; matches(line, k.names[i]) {
			k.values[i], _ = number(bytes.TrimLeft(line[len(k.names[i]):], " "))
			next++
		}
	}
	if next < len(k.names) && len(b) > 0 {
		k.learn(b)
	}
}

func (k *keys) learn(b []byte) {
	k.none()
	k.found = k.found[:0]
	for rest := b; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		for i, name := range k.names {
			if matches(line, name) {
				k.values[i], _ = number(bytes.TrimLeft(line[len(name):], " "))
				k.found = append(k.found, i)
				break
			}
		}
	}
	if len(k.found) > 0 && len(k.found) <= len(k.names) {
		k.order = append(k.order[:0], k.found...)
	}
}

func matches(line []byte, name string) bool {
	return len(line) > len(name) && string(line[:len(name)]) == name && line[len(name)] == ' '
}

func cutLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

var totalKey = []byte("total=")

// stalled returns the total of a PSI line (some … or full …), in seconds.
func stalled(b []byte, word string) float64 {
	for rest := b; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		if !matches(line, word) {
			continue
		}
		if i := bytes.Index(line, totalKey); i >= 0 {
			n, _ := number(line[i+len(totalKey):])
			return n / 1e6
		}
	}
	return math.NaN()
}

// cpuList counts the CPUs of a list such as 0-3,8.
func cpuList(list string) int {
	total := 0
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(first)
		if err != nil {
			return 0
		}
		b := a
		if isRange {
			if b, err = strconv.Atoi(last); err != nil || b < a || b > 1<<20 {
				return 0
			}
		}
		total += b - a + 1
	}
	return total
}
