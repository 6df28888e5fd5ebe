package memlimit

import (
	"fmt"
	"math"
	"runtime/metrics"

	"github.com/falsifiable/stability/signals/cgroup"
)

// Outcome says what became of a look.
type Outcome uint8

const (
	// None means that there is no limit to go by. It is the zero Outcome.
	None Outcome = iota
	// Explicit means that GOMEMLIMIT or the program itself has the say.
	Explicit
	// Set means that the limit is ours.
	Set
)

// String returns the outcome's word.
func (o Outcome) String() string { return [...]string{"none", "explicit", "set"}[min(o, Set)] }

// Decision says which limit fits, and why. Amounts are in bytes.
type Decision struct {
	Outcome Outcome
	Limit   int64 // to be in force
	// Container is the smallest limit, Outside what is held beside the Go heap, PageCache what is kept for files, Live
	// what the last collection found live, with stacks and the runtime's own.
	Container, Outside, PageCache, Live float64
	// Crowded means that what fits is less than the live heap needs: only shedding load helps.
	Crowded bool

	// What a reason is made of; making it here would allocate with each look.
	why   why
	ratio float64
	limit cgroup.Limit // the container's
	env   string       // GOMEMLIMIT
}

// why is which of the reasons it is.
type why uint8

const (
	caseUnlimited why = iota
	caseEnvironment
	caseProgram
	caseMeasured
	caseUnmeasured
	caseCacheYields
	caseLeast
	caseCrowded
)

// Reason says why, for people.
func (d Decision) Reason() string {
	share := fmt.Sprintf("%.3g of %s", d.ratio, d.limit.Path)
	switch d.why {
	case caseEnvironment:
		reason := "GOMEMLIMIT=" + d.env + " is set and wins"
		if d.limit.State == cgroup.Limited && float64(d.Limit) > d.limit.Value {
			reason += fmt.Sprintf("; it is above the container's %s, so the kernel kills before the collector hurries", format(d.limit.Value))
		}
		return reason
	case caseProgram:
		return fmt.Sprintf("the program has set %s itself, and wins", format(float64(d.Limit)))
	case caseMeasured:
		return share + ", less what is held outside of the Go heap and the page cache in use"
	case caseUnmeasured:
		return share + "; what is held outside of the Go heap could not be measured"
	case caseCacheYields:
		return share + "; page cache gives way to what is live"
	case caseLeast:
		return fmt.Sprintf("the least that makes sense: %s would leave %s", share, format(max(d.ratio*d.Container-d.Outside, 0)))
	case caseCrowded:
		return fmt.Sprintf("%s are live and %s are held outside of the Go heap, in a container of %s: shed load or enlarge it",
			format(d.Live), format(d.Outside), format(d.Container))
	default:
		return unlimited(d.limit)
	}
}

// unlimited says why there is no limit to go by.
func unlimited(l cgroup.Limit) string {
	switch l.State {
	case cgroup.Missing:
		return "no cgroup with a memory controller is to be seen"
	case cgroup.AboveHost:
		return fmt.Sprintf("the limit of %s, %s, is above the machine's memory", l.Path, format(l.Value))
	case cgroup.Unreadable:
		return fmt.Sprintf("cannot read %s: %v", l.Path, l.Err)
	default:
		return "the container has no memory limit"
	}
}

// heap is what the runtime knows.
type heap struct {
	used float64 // mapped and not returned: what GOMEMLIMIT counts
	live float64 // live heap, and all that is no heap
}

// inputs is all that a decision depends on.
type inputs struct {
	ratio, min float64
	container  cgroup.Limit
	used       float64 // of the container, page cache that can be given back not counted; NaN if not known
	cache      float64 // to keep for files
	heap       heap
}

// overshoot is by how many bytes the runtime passes its own limit when the machine is short of CPU, and the collector does
// not get to run as soon as it should: up to 15 MiB in containers of 128 and 256 MiB, less in larger ones. In a small
// container that is more than the share above the ratio, so there the share is larger: a fifth at most.
const overshoot = 16 << 20

// decide is the pure part.
func (in inputs) decide() Decision {
	ratio := min(in.ratio, max(0.8, 1-overshoot/in.container.Value))
	ceiling := ratio * in.container.Value
	d := Decision{Outcome: Set, Container: in.container.Value, PageCache: in.cache, Live: in.heap.live,
		why: caseMeasured, ratio: ratio, limit: in.container}
	if math.IsNaN(in.used) {
		d.why = caseUnmeasured
	} else {
		// Mapped by the runtime is not all resident, so this errs on the small side; the share above the ratio is for that.
		d.Outside = max(in.used-in.heap.used, 0)
	}
	want := ceiling - d.Outside - in.cache
	// Room for a tenth more than what is live: with less the collector runs without a pause and gains nothing.
	need := 1.1 * in.heap.live
	switch floor := max(in.min, need); {
	case want >= floor:
	case want+in.cache >= floor:
		want, d.why = floor, caseCacheYields
	default:
		want, d.why = min(floor, ceiling), caseLeast
		if need > ceiling-d.Outside {
			d.Crowded, d.why = true, caseCrowded
		}
	}
	d.Limit = int64(want)
	return d
}

// newHeapReader returns a function that reads the runtime without stopping it.
func newHeapReader() func() heap {
	const classes = "/memory/classes/"
	samples := []metrics.Sample{
		{Name: classes + "total:bytes"}, {Name: classes + "heap/released:bytes"}, {Name: classes + "heap/free:bytes"},
		{Name: classes + "heap/objects:bytes"}, {Name: classes + "heap/unused:bytes"}, {Name: "/gc/heap/live:bytes"},
	}
	return func() heap {
		metrics.Read(samples)
		v := func(i int) float64 { return float64(samples[i].Value.Uint64()) }
		used := v(0) - v(1)
		return heap{used: used, live: used - v(2) - v(3) - v(4) + v(5)}
	}
}

// format writes an amount of bytes for people.
func format(bytes float64) string {
	switch {
	case math.IsNaN(bytes):
		return "unknown"
	case bytes >= 10<<30:
		return fmt.Sprintf("%.1f GiB", bytes/(1<<30))
	default:
		return fmt.Sprintf("%.1f MiB", bytes/(1<<20))
	}
}
