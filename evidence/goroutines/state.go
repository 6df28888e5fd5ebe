package goroutines

import (
	"slices"
	"strings"
)

// State is what a goroutine was doing, in the runtime's words; empty when the dump does not tell. The words are those of
// waitReasonStrings and gStatusStrings in the runtime's source; ones that are not listed here are kept as they are.
type State string

// The states that matter to somebody looking for a leak.
const (
	Running        State = "running"
	Runnable       State = "runnable"
	Syscall        State = "syscall"
	ChanReceive    State = "chan receive"
	ChanReceiveNil State = "chan receive (nil chan)"
	ChanSend       State = "chan send"
	ChanSendNil    State = "chan send (nil chan)"
	Select         State = "select"
	SelectNoCases  State = "select (no cases)"
	IOWait         State = "IO wait"
	Sleep          State = "sleep"
	Semacquire     State = "semacquire"
	MutexLock      State = "sync.Mutex.Lock"
	RWMutexLock    State = "sync.RWMutex.Lock"
	RWMutexRLock   State = "sync.RWMutex.RLock"
	WaitGroupWait  State = "sync.WaitGroup.Wait"
	CondWait       State = "sync.Cond.Wait"
)

// Risk says how likely a goroutine in a state is to be leaked, when many are in it.
type Risk uint8

const (
	// Usual states come by themselves to an end. It is the zero Risk.
	Usual Risk = iota
	// Watch: it ends if somebody set a deadline, or closes something.
	Watch
	// Suspect: it ends only if another goroutine does its part, and nothing makes that one.
	Suspect
	// Stuck: it never ends.
	Stuck
)

// String returns "usual", "watch", "suspect" or "stuck".
func (r Risk) String() string {
	return [...]string{"usual", "watch", "suspect", "stuck"}[min(r, Stuck)]
}

type meaning struct {
	risk  Risk
	means string
}

// meanings refills the table of the whitepaper (§2.2, "state, meaning, risk") whose risk cells were lost, with the
// states that it leaves out.
var meanings = map[State]meaning{
	Running:        {Usual, "executing; many of them, for long, are a livelock or plain overload"},
	Runnable:       {Usual, "ready, waiting for a processor; many of them are overload"},
	Syscall:        {Watch, "in a system call or in C; one that blocks holds a thread"},
	ChanReceive:    {Suspect, "blocked until somebody sends or closes: look for a sender that returned early"},
	ChanReceiveNil: {Stuck, "receiving from a nil channel: blocked for good"},
	ChanSend:       {Suspect, "blocked until somebody receives: look for a receiver that gave up on a timeout"},
	ChanSendNil:    {Stuck, "sending to a nil channel: blocked for good"},
	Select:         {Suspect, "blocked until a case is ready: look whether one is <-ctx.Done(), and who cancels it"},
	SelectNoCases:  {Stuck, "select {}: blocked for good, which may be meant in main and nowhere else"},
	IOWait:         {Watch, "waiting for the network or a pipe: idle connections, or peers without a deadline"},
	Sleep:          {Watch, "in time.Sleep, which no context ends"},
	Semacquire:     {Suspect, "waiting for a runtime semaphore: a lock or a WaitGroup"},
	MutexLock:      {Suspect, "waiting for a mutex: look for who holds it, across I/O or for good"},
	RWMutexLock:    {Suspect, "waiting to write-lock: look for readers that do not unlock"},
	RWMutexRLock:   {Suspect, "waiting to read-lock: look for a writer that holds or waits for the lock"},
	WaitGroupWait:  {Suspect, "waiting for a WaitGroup: look for a Done that a panic or an early return skipped"},
	CondWait:       {Suspect, "waiting for a condition: look for the missing Signal or Broadcast"},
}

// Risk returns the risk of many goroutines being in the state. States unknown to the table are worth watching.
func (s State) Risk() Risk {
	if m, ok := meanings[s]; ok {
		return m.risk
	}
	return Watch
}

// Means says in a sentence what the state means and what to look for; empty for states unknown to the table.
func (s State) Means() string { return meanings[s].means }

// Risk returns the risk of the group: that of its state, and Stuck when the garbage collector has proven it.
func (s Stack) Risk() Risk {
	if s.Leaked {
		return Stuck
	}
	return s.State.Risk()
}

// parkedIn tells the state from the function of the runtime or of sync in which a goroutine is parked. A nil channel
// cannot be told from another there. Order matters: the first frame from inside that is listed decides, but a
// semaphore's meaning depends on who waits for it, so that is looked for further out.
var parkedIn = map[string]State{
	"runtime.chanrecv":                        ChanReceive,
	"runtime.chansend":                        ChanSend,
	"runtime.selectgo":                        Select,
	"runtime.block":                           SelectNoCases,
	"runtime.netpollblock":                    IOWait,
	"internal/poll.runtime_pollWait":          IOWait,
	"time.Sleep":                              Sleep,
	"sync.runtime_SemacquireWaitGroup":        WaitGroupWait,
	"sync.runtime_SemacquireRWMutexR":         RWMutexRLock,
	"sync.runtime_SemacquireRWMutex":          RWMutexLock,
	"sync.runtime_notifyListWait":             CondWait,
	"internal/sync.runtime_SemacquireMutex":   MutexLock,
	"sync.runtime_Semacquire":                 Semacquire,
	"internal/poll.runtime_Semacquire":        Semacquire,
	"runtime.cgocall":                         Syscall,
	"runtime.notetsleepg":                     Syscall,
	"internal/runtime/syscall.Syscall6":       Syscall,
	"internal/runtime/syscall/linux.Syscall6": Syscall,
	"syscall.Syscall":                         Syscall,
	"syscall.Syscall6":                        Syscall,
	"syscall.RawSyscall6":                     Syscall,
}

// stateOf tells the state from the frames of a dump that has no states.
func stateOf(frames []Frame) State {
	parked, runtimeFrames := false, 0
	for _, f := range frames {
		if s, ok := parkedIn[f.Func]; ok {
			return s
		}
		parked = parked || f.Func == "runtime.gopark"
		if !isParking(f.Func) {
			break
		}
		runtimeFrames++
	}
	switch {
	case parked:
		return "waiting" // for something that is not listed
	case runtimeFrames > 0:
		return Running // preempted, or the goroutine that takes the profile
	default:
		return "" // debug=1 has dropped the frames that would tell
	}
}

// isParking reports whether a function can lie between user code and the place where a goroutine parks.
func isParking(function string) bool {
	return slices.ContainsFunc(parkingPackages, func(p string) bool { return strings.HasPrefix(function, p) })
}

var parkingPackages = []string{
	"runtime.", "internal/runtime/", "internal/poll.", "sync.", "internal/sync.", "syscall.", "time."}
