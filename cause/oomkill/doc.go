// Package oomkill is a root cause (docs/guide/whitepaper.md §4.2): the kernel kills the process for its container's memory.
//
// # What it is
//
// Memory that cannot be given back comes up to the limit of the container, or of a cgroup around it: a live heap that
// grows, memory of cgo and mmap, child processes, tmpfs. The runtime does not look at the container's limit: it may let garbage
// pile up beyond it, and with GOMEMLIMIT set collect harder and harder. The kernel does not ask: the process is gone
// within a millisecond, with exit status 137 and no last words.
//
// # How it looks
//
// Restarts with reason OOMKilled, and nothing in the log. Before that the headroom shrinks: limit less usage, where page cache
// that can be given back is no usage, and garbage that the next collection frees is none either.
//
// # Why these thresholds
//
// Evidence must be on disk before the kernel kills, so it is the slope that counts: the check fires when, as things are going,
// less than a minute is left, or when a twentieth of the limit is. Both are relative to the limit that was read. The slope
// is Theil and Sen's, which a sawtooth does not deceive.
//
// # Limits
//
// Memory that is taken within seconds outruns any sampling. A container without a limit, and one larger than
// the machine, has no headroom to watch, and the checks are left out. The kernel may kill another process of the same
// cgroup; cgroup.memory.events.oom_kill tells.
//
// # Sources
//
// docs/guide/whitepaper.md §4.2; golang/go#75164, #58106.
package oomkill
