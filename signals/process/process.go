// Package process reads what the operating system knows about the process: resident memory, CPU time, threads, open
// file descriptors and their limit.
//
// On Linux it keeps a few files of /proc open and reads all of it in a few microseconds without allocating. Other
// Unix systems tell CPU time and the descriptor limit; elsewhere only the uptime is read.
// A signal that a system does not tell has no readings, and a check on it is Unknown.
package process

import (
	"time"

	"github.com/falsifiable/stability/signals"
)

// started is the nearest to the start of the process that can be had without asking the system.
var started = time.Now()

// Source reads the signals that [signals.Process] declares. Make one with [New].
// It is not safe for concurrent use: a monitor samples each source from one goroutine at a time.
type Source struct {
	system system // what the operating system at hand needs
}

// New returns a source. It never fails: what cannot be opened (/proc may be hidden from a container) is not read.
func New() *Source {
	return &Source{system: open()}
}

// Describe returns [signals.Process].
func (s *Source) Describe() []*signals.Signal { return signals.Group(signals.Process) }

// Sample reads all signals. On Linux it allocates nothing.
func (s *Source) Sample(dst *signals.Batch) {
	s.system.sample(dst)
	dst.Add(signals.Process.Uptime, time.Since(started).Seconds())
}
