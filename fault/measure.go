package fault

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strconv"
	"time"
)

// What witnesses measure with. They read the runtime and the kernel themselves and not through package signal,
// because a witness that shares code with the signals on trial proves nothing about them.

// The runtime metrics that witnesses use.
const (
	GoroutinesWaiting = "/sched/goroutines/waiting:goroutines"
	HeapObjects       = "/memory/classes/heap/objects:bytes"
	MutexWait         = "/sync/mutex/wait/total:seconds"
	GCCycles          = "/gc/cycles/total:gc-cycles"
	GCTime            = "/cpu/classes/gc/total:cpu-seconds"
	UserTime          = "/cpu/classes/user:cpu-seconds"
)

// Metric reads one runtime metric, NaN if the runtime has none of that name.
func Metric(name string) float64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	switch v := sample[0].Value; v.Kind() {
	case metrics.KindUint64:
		return float64(v.Uint64())
	case metrics.KindFloat64:
		return v.Float64()
	}
	return math.NaN()
}

// Resident returns the process's resident set in bytes, NaN where there is no /proc.
func Resident() float64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return math.NaN()
	}
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return math.NaN()
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return math.NaN()
	}
	return float64(pages) * float64(os.Getpagesize())
}

// CPUDemand returns the CPU time that the process's threads have used or queued for, in seconds; NaN where there is
// no /proc/self/task/*/schedstat. On a machine with other things to do it tells what CPUTime cannot: how much was
// wanted.
func CPUDemand() float64 {
	files, err := filepath.Glob("/proc/self/task/*/schedstat")
	if err != nil || len(files) == 0 {
		return math.NaN()
	}
	demand := 0.0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended since
		}
		var running, queued, slices int64
		if _, err := fmt.Sscan(string(content), &running, &queued, &slices); err != nil {
			return math.NaN()
		}
		demand += time.Duration(running + queued).Seconds()
	}
	return demand
}

// OpenFiles returns the number of the process's open file descriptors, NaN where the system does not list them.
func OpenFiles() float64 {
	dir, err := os.Open("/dev/fd")
	if err != nil {
		return math.NaN()
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return math.NaN()
	}
	return float64(len(names) - 1) // less the one that reads the list
}
