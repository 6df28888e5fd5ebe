package goroutineleak

import (
	"bytes"
	"path"
	"runtime"
	"strconv"
	"strings"

	"github.com/falsifiable/stability/signals"
)

// leak is a reading of go.goroutine.leaked.
type leak struct {
	labels signals.Labels
	count  float64
}

// Kinds of waits, the values of the label wait.
const (
	channel = iota // send, receive, select
	lock           // sync.Mutex, sync.RWMutex
	group          // sync.WaitGroup
	cond           // sync.Cond
	kinds
)

var kindNames = [kinds]string{"channel", "lock", "group", "cond"}

// other is the site of leaks beyond the cap. It is read from the first profile on, so that a check on a service which
// has no leak is not Unknown.
const other = "other"

// sites counts leaks by where their goroutines began. It remembers what a stack's addresses mean: a leak that was
// found once is in every later profile.
type sites struct {
	limit int
	known map[string]site // by the addresses as the profile writes them
	rows  [kinds][]*row   // in order of appearance, other first
}

type site struct {
	kind int
	name string
}

type row struct {
	name string
	leak leak
}

func newSites(limit int) *sites {
	s := &sites{limit: limit, known: make(map[string]site)}
	for kind := range s.rows {
		s.rows[kind] = []*row{newRow(kind, other)}
	}
	return s
}

func newRow(kind int, name string) *row {
	return &row{name, leak{labels: signals.NewLabels("wait", kindNames[kind], "site", name)}}
}

// count reads a profile in its text form, of which only the lines "COUNT @ ADDRESS ..." matter, and returns the leaks
// by site. A site keeps its row for good, with 0 if its leaks should ever be gone.
func (s *sites) count(profile []byte) []leak {
	for _, rows := range s.rows {
		for _, r := range rows {
			r.leak.count = 0
		}
	}
	for line := range bytes.Lines(profile) {
		number, addresses, ok := bytes.Cut(bytes.TrimSpace(line), []byte(" @ "))
		n, err := strconv.ParseUint(string(number), 10, 32)
		if ok && err == nil {
			s.row(s.site(addresses)).leak.count += float64(n)
		}
	}
	var leaks []leak
	for _, rows := range s.rows {
		for _, r := range rows {
			leaks = append(leaks, r.leak)
		}
	}
	return leaks
}

func (s *sites) row(at site) *row {
	rows := s.rows[at.kind]
	for _, r := range rows {
		if r.name == at.name {
			return r
		}
	}
	if len(rows) > s.limit {
		return rows[0]
	}
	added := newRow(at.kind, at.name)
	s.rows[at.kind] = append(rows, added)
	return added
}

// maxKnown bounds the stacks that are remembered; further ones are resolved in each profile.
const maxKnown = 1000

func (s *sites) site(addresses []byte) site {
	if at, ok := s.known[string(addresses)]; ok {
		return at
	}
	var pcs []uintptr
	for field := range bytes.FieldsSeq(addresses) {
		if pc, err := strconv.ParseUint(string(field), 0, 64); err == nil {
			pcs = append(pcs, uintptr(pc))
		}
	}
	at := resolve(pcs)
	if len(s.known) < maxKnown {
		s.known[string(addresses)] = at
	}
	return at
}

// resolve says what a stack waits for, and where its goroutine began.
func resolve(pcs []uintptr) site {
	at := site{name: other}
	if len(pcs) == 0 {
		return at
	}
	inside := true // still in the runtime's and the lock's own frames
	frames := runtime.CallersFrames(pcs)
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if inside = inside && isPlumbing(f.Function); inside {
			at.kind = max(at.kind, waitOf(f.Function))
		}
		if f.Function != "" && !isStarter(f.Function) {
			at.name = path.Base(f.Function) + ":" + strconv.Itoa(startLine(f))
		}
	}
	return at
}

// startLine is the line on which the frame's function begins: of a function literal, or of a call with arguments, that of
// the go statement. For an inlined function it is the line of the call.
func startLine(f runtime.Frame) int {
	if f.Func == nil {
		return f.Line
	}
	_, line := f.Func.FileLine(f.Entry)
	return line
}

func isPlumbing(function string) bool {
	return strings.HasPrefix(function, "runtime.") || strings.HasPrefix(function, "sync.") ||
		strings.HasPrefix(function, "internal/sync.")
}

func waitOf(function string) int {
	switch {
	case strings.Contains(function, "sync.(*Mutex)."), strings.Contains(function, "sync.(*RWMutex)."):
		return lock
	case strings.HasPrefix(function, "sync.(*WaitGroup)."):
		return group
	case strings.HasPrefix(function, "sync.(*Cond)."):
		return cond
	default:
		return channel
	}
}

// isStarter tells functions that start goroutines on behalf of others, which are where each of those began and say nothing.
func isStarter(function string) bool {
	for _, prefix := range [...]string{"runtime.", "sync.", "net/http.", "testing.", "golang.org/x/sync/errgroup.",
		"google.golang.org/grpc.", "github.com/falsifiable/stability/signals/http"} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}
