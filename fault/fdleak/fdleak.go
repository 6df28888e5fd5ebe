package fdleak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "fdleak",
	Title: "File descriptor leak",
	Help:  "Opens files or sockets at a steady rate and keeps them.",
	Params: []fault.Param{
		{
			Name: "where", Choices: []string{"file", "socket"},
			Help: "What is opened: the null device, or UDP sockets on the loopback address, each of which takes a" +
				" port.",
		},
		{
			Name: "rate", Unit: fault.PerSecond, Default: 200, Min: 0.1, Max: 50_000,
			Help: "Descriptors opened per second.",
		},
		{
			Name: "max", Default: 20_000, Min: 1, Max: 1_000_000,
			Help: "Descriptors to leak in all.",
		},
		{
			Name: "limit", Default: 0, Min: 0, Max: 1_000_000,
			Help: "Soft limit that the process is given while the fault lasts, if that is lower than what it has; 0 leaves it.",
		},
		{
			Name: "reserve", Default: 64, Min: 0, Max: 100_000,
			Help: "Descriptors left free below the process's soft limit.",
		},
	},
	Effects: []fault.Effect{
		{Signal: "process.open_file_descriptor.limit", Move: fault.Lower, By: fault.Of("limit")},
		{Signal: "process.open_file_descriptor.count", Move: fault.Grow, By: fault.Of("rate"), Most: fault.Of("max")},
	},
	Presets: []fault.Settings{{"rate": "2000", "limit": "1024"}},
	Start:   start,
}

type leak struct {
	*fault.Life
	open    func() (io.Closer, error)
	max     int
	reserve float64
	files   []io.Closer // touched by the injection's goroutine only
	held    atomic.Int64
	refused atomic.Pointer[error] // why the last one could not be opened
	before  float64
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	l := &leak{
		open:    openFile,
		max:     args.Int("max"),
		reserve: args.Number("reserve"),
		before:  fault.OpenFiles(),
	}
	if args.Choice("where") == "socket" {
		l.open = openSocket
	}
	restore, err := fault.LowerFileLimit(args.Number("limit"))
	if err != nil {
		return nil, err
	}
	room := fault.FileLimit() - l.before - l.reserve
	if room < 1 {
		restore()
		return nil, fmt.Errorf("%g of %g descriptors are open: no room for one more beside a reserve of %g",
			l.before, fault.FileLimit(), l.reserve)
	}
	if !math.IsNaN(room) {
		l.max = min(l.max, int(room))
	}
	l.Life = fault.Begin(ctx, func(ctx context.Context) {
		fault.Pace(ctx, args.Number("rate"), l.max, l.leak)
		<-ctx.Done()
		restore()
		l.closeAll()
	})
	return l, nil
}

func openFile() (io.Closer, error) { return os.Open(os.DevNull) }

func openSocket() (io.Closer, error) { return net.ListenPacket("udp", "127.0.0.1:0") }

func (l *leak) leak(n int) {
	for range n {
		f, err := l.open()
		if err != nil {
			l.refused.Store(&err)
			return
		}
		l.files = append(l.files, f)
		l.held.Add(1)
	}
}

// closeAll counts as left what could not be closed.
func (l *leak) closeAll() {
	for _, f := range l.files {
		if f.Close() == nil {
			l.held.Add(-1)
		}
	}
	l.files = nil
}

// Witness compares what the fault holds with how many more descriptors the kernel lists than before.
func (l *leak) Witness() fault.Witness {
	held := float64(l.held.Load())
	grown := fault.OpenFiles() - l.before
	proven := grown >= held/2
	detail := fmt.Sprintf("%g of %d descriptors leaked; the process has %+g open, its limit is %g",
		held, l.max, grown, fault.FileLimit())
	if err := l.refused.Load(); err != nil {
		// With no descriptor left the list cannot be opened either; the refusal itself is the proof then.
		proven = proven || errors.Is(*err, syscall.EMFILE)
		detail += "; last refusal: " + (*err).Error()
	}
	return fault.Witness{Active: !l.Ended() && held > 0 && proven, Value: held, Detail: detail}
}

// Remove closes all descriptors.
func (l *leak) Remove(ctx context.Context) (fault.Residue, error) {
	err := l.End(ctx)
	return fault.Residue{Value: float64(l.held.Load())}, err
}
