// Package cgroup reads what the kernel allows the process's container and what the container uses of it: memory, CPU,
// processes and pressure, under control groups of version 1, version 2 and both at once (docs/guide/whitepaper.md §4.2).
//
// A limit binds whoever lives below it, so each is looked for in the process's own cgroup and in every ancestor that can
// be seen, and the smallest counts. Page cache is told apart from memory that cannot be given back: a service that reads
// large files fills its container without being in any danger.
//
// The files are kept open: a tick costs one system call a file and allocates nothing. What changes at human speed, such as the
// limits themselves, is read every few ticks, so a resize in place is followed within [Lag] ticks, and so is a move to
// another cgroup.
//
// What is not known is never a zero. A limit has a [State], and a number that could not be had is NaN here and has no
// reading in [Source].
package cgroup

import (
	"math"
	"os"
	"slices"

	"github.com/falsifiable/stability/signals"
)

// Lag is the number of readings within which a change of a limit, or of the process's cgroup, is seen.
const Lag = 16

// State says what is known of a limit.
type State uint8

const (
	// Missing means that no cgroup with the controller can be seen: another system, or /sys/fs/cgroup is not mounted.
	Missing State = iota
	// Unlimited means that neither the cgroup nor an ancestor that can be seen has a limit.
	Unlimited
	// Limited means that there is a limit.
	Limited
	// AboveHost means that the smallest limit is no smaller than the machine, which is what really limits.
	AboveHost
	// Unreadable means that the files are there and could not be read or understood.
	Unreadable
	states
)

var stateNames = [states]string{"missing", "unlimited", "limited", "above_host", "unreadable"}

// String returns the state's word in signals and reports.
func (s State) String() string {
	if s < states {
		return stateNames[s]
	}
	return "unknown"
}

// Limit is the smallest limit on a resource.
type Limit struct {
	State State
	// Value is in bytes, CPUs or processes. It is NaN unless State is Limited or AboveHost.
	Value float64
	// Path is the folder whose limit it is, and in state Unreadable the file.
	Path string
	// Err is why, in state Unreadable.
	Err error
}

// Bound returns the limit, and whether it binds.
func (l Limit) Bound() (float64, bool) { return l.Value, l.State == Limited }

// Memory is a reading of the memory controller, in bytes. NaN is what could not be had.
type Memory struct {
	// Limit is the smallest of memory.max (memory.limit_in_bytes in version 1), High of memory.high, SwapLimit of
	// memory.swap.max.
	Limit, High, SwapLimit Limit
	// Headroom is what can still be allocated before the first limit kills; NaN if none does.
	Headroom float64
	// Of the process's own cgroup: all that is charged; anonymous memory; page cache with tmpfs; what of it can be given
	// back; swap.
	Usage, Anon, File, Reclaimable, Swap float64
	// ActiveFile is the page cache that has been used more than once, as far as the kernel can tell.
	ActiveFile float64
	// Events since the cgroup was made.
	EventsHigh, EventsMax, EventsOOM, EventsOOMKill float64
	// Seconds in which some or all tasks waited for memory.
	PressureSome, PressureFull float64
}

// CPU is a reading of the cpu controller. NaN is what could not be had.
type CPU struct {
	// Limit is the smallest quota, in CPUs.
	Limit Limit
	// Of the cgroup with that quota, or else of the process's own: periods, those throttled, and seconds throttled.
	Periods, Throttled, ThrottledTime float64
	// Seconds in which some task waited for a CPU.
	PressureSome float64
}

// Pids is a reading of the pids controller: the nearest limit and the processes and threads that count against it.
type Pids struct {
	Limit Limit
	Count float64
}

// IO is what is known of waiting for storage, in seconds.
type IO struct{ PressureSome, PressureFull float64 }

// Reading is all that is known at one moment.
type Reading struct {
	Memory Memory
	CPU    CPU
	Pids   Pids
	IO     IO
}

// Reader reads the cgroups of one process. Make one with [Open] or [OpenAt]. Not safe for concurrent use.
type Reader struct {
	place      place
	host       host
	membership file // the process's /proc/PID/cgroup, to see it move
	known      []byte
	tick       uint

	memory memory
	cpu    cpu
	pids   pids
	psi    [3]pressure // memory, cpu, io
	buf    []byte
	now    Reading
}

// Open returns a reader of this process's cgroups. It never fails: on a system without cgroups every state is Missing.
func Open() *Reader { return OpenAt("/", 0) }

// OpenAt is [Open] for another process, 0 for this one, and for another root folder, in which proc and sys are.
func OpenAt(root string, pid int) *Reader {
	r := &Reader{place: newPlace(root, pid), buf: make([]byte, 16<<10)}
	r.host = readHost(root, r.buf)
	r.open()
	return r
}

// open finds the process's cgroups and opens their files.
func (r *Reader) open() {
	r.membership = openFile(r.place.membership(), 1)
	r.known = append(r.known[:0], r.membership.read(r.buf)...)
	found := r.place.locate(string(r.known))
	r.memory = openMemory(found.memory)
	r.cpu = openCPU(found.cpu)
	r.pids = openPids(found.pids)
	for i, name := range []string{"memory.pressure", "cpu.pressure", "io.pressure"} {
		r.psi[i] = openPressure(found.unified, name)
	}
	r.tick = 0
}

// Close closes the files. The reader must not be used afterwards.
func (r *Reader) Close() {
	r.membership.close()
	r.memory.close()
	r.cpu.close()
	r.pids.close()
	for i := range r.psi {
		r.psi[i].file.close()
	}
}

// Read reads everything. What it returns is valid until the next call. It allocates nothing unless the process has moved.
func (r *Reader) Read() *Reading {
	if r.tick%Lag == Lag-1 && string(r.membership.read(r.buf)) != string(r.known) {
		r.Close()
		r.open()
	}
	t := r.tick
	r.tick++
	r.memory.read(t, r.buf, r.host.memory, &r.now.Memory)
	r.cpu.read(t, r.buf, r.host.cpus, &r.now.CPU)
	r.pids.read(t, r.buf, &r.now.Pids)
	m, c, io := &r.psi[0], &r.psi[1], &r.psi[2]
	m.read(t, r.buf)
	c.read(t, r.buf)
	io.read(t, r.buf)
	r.now.Memory.PressureSome, r.now.Memory.PressureFull = m.some, m.full
	r.now.CPU.PressureSome = c.some
	r.now.IO = IO{io.some, io.full}
	return &r.now
}

// Source reads the signals that [signals.Cgroup] declares. Make one with [New].
// It is not safe for concurrent use: a monitor samples each source from one goroutine at a time.
type Source struct {
	reader *Reader
	absent map[*signals.Signal]bool // have no readings in this container
	labels [3][states]signals.Labels
}

// New returns a source of this process's cgroups. It never fails: what cannot be read has no readings.
func New() *Source { return NewSource(Open()) }

// NewSource returns a source that reads by r, which belongs to it from now on.
func NewSource(r *Reader) *Source {
	s := &Source{reader: r, absent: make(map[*signals.Signal]bool)}
	of, now := &signals.Cgroup, r.Read()
	if now.Memory.Limit.State != Limited {
		s.absent[of.MemoryLimit], s.absent[of.MemoryHeadroom] = true, true
	}
	if now.CPU.Limit.State != Limited {
		s.absent[of.CPULimit], s.absent[of.CPUPeriods], s.absent[of.CPUThrottledPeriods], s.absent[of.CPUThrottledTime] = true, true, true, true
	}
	for i, resource := range []string{"memory", "cpu", "pids"} {
		for state := range states {
			s.labels[i][state] = signals.NewLabels("resource", resource, "state", state.String())
		}
	}
	return s
}

// Describe returns [signals.Cgroup], without what is measured against a limit that the container does not have: contracts on
// it would never be judged. A limit that is given to a container which had none is seen in [signals.Cgroup].State only.
func (s *Source) Describe() []*signals.Signal {
	return slices.DeleteFunc(signals.Group(signals.Cgroup), func(signal *signals.Signal) bool { return s.absent[signal] })
}

// Sample reads all signals. It allocates nothing.
func (s *Source) Sample(dst *signals.Batch) {
	of, now := &signals.Cgroup, s.reader.Read()
	m, c := &now.Memory, &now.CPU
	for i, l := range [...]*Limit{&m.Limit, &c.Limit, &now.Pids.Limit} {
		dst.AddInstance(of.State, s.labels[i][l.State], 1)
	}
	bound := func(signal *signals.Signal, l *Limit) {
		if l.State == Limited && !s.absent[signal] {
			dst.Add(signal, l.Value)
		}
	}
	bound(of.MemoryLimit, &m.Limit)
	bound(of.MemoryHigh, &m.High)
	bound(of.SwapLimit, &m.SwapLimit)
	if !s.absent[of.MemoryHeadroom] {
		dst.Add(of.MemoryHeadroom, m.Headroom) // NaN is no reading
	}
	dst.Add(of.MemoryUsage, m.Usage)
	dst.Add(of.MemoryAnon, m.Anon)
	dst.Add(of.MemoryFile, m.File)
	dst.Add(of.MemoryReclaimable, m.Reclaimable)
	dst.Add(of.SwapUsage, m.Swap)
	dst.Add(of.MemoryEventsHigh, m.EventsHigh)
	dst.Add(of.MemoryEventsMax, m.EventsMax)
	dst.Add(of.MemoryEventsOOM, m.EventsOOM)
	dst.Add(of.MemoryEventsOOMKill, m.EventsOOMKill)
	dst.Add(of.MemoryPressureSome, m.PressureSome)
	dst.Add(of.MemoryPressureFull, m.PressureFull)
	bound(of.CPULimit, &c.Limit)
	if !s.absent[of.CPUPeriods] {
		dst.Add(of.CPUPeriods, c.Periods)
		dst.Add(of.CPUThrottledPeriods, c.Throttled)
		dst.Add(of.CPUThrottledTime, c.ThrottledTime)
	}
	dst.Add(of.CPUPressureSome, c.PressureSome)
	dst.Add(of.IOPressureSome, now.IO.PressureSome)
	dst.Add(of.IOPressureFull, now.IO.PressureFull)
	bound(of.ProcessLimit, &now.Pids.Limit)
	dst.Add(of.Processes, now.Pids.Count)
}

// host is what the machine has, which no cgroup can exceed.
type host struct{ memory, cpus float64 }

func readHost(root string, buf []byte) host {
	h := host{math.Inf(1), math.Inf(1)}
	total := keyed("MemTotal:")
	meminfo := openFile(root+"/proc/meminfo", 1)
	defer meminfo.close()
	if total.scan(meminfo.read(buf)); total.values[0] > 0 {
		h.memory = total.values[0] * 1024
	}
	if online, err := os.ReadFile(root + "/sys/devices/system/cpu/online"); err == nil {
		if n := cpuList(string(online)); n > 0 {
			h.cpus = float64(n)
		}
	}
	return h
}
