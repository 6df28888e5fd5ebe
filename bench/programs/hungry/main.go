// Command hungry uses memory in one of several ways while it does work, under one of several limiters, and prints what it got
// done: "WORK p99-in-microseconds". The command memory beside it runs it in a control group.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"syscall"
	"time"

	automemlimit "github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/falsifiable/stability/defense/memlimit"
)

const mib = 1 << 20

func main() {
	container, _ := strconv.Atoi(os.Args[3])
	limit(os.Args[1], float64(container))
	work(os.Args[2], container, 5*time.Second)
}

func limit(by string, container float64) {
	switch by {
	case "none":
	case "automemlimit":
		if _, err := automemlimit.Set(automemlimit.WithLogger(slog.New(slog.DiscardHandler))); err != nil {
			panic(err)
		}
	case "ours":
		l, err := memlimit.New(memlimit.Config{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			panic(err)
		}
		go func() { _ = l.Run(context.Background()) }()
	default:
		ratio, err := strconv.ParseFloat(by, 64)
		if err != nil {
			panic(err)
		}
		debug.SetMemoryLimit(int64(ratio * container))
	}
}

type node struct {
	next *node
	body [1000]byte
}

// work keeps a list live whose size the shape tells, and replaces its nodes.
func work(shape string, container int, long time.Duration) {
	var times []time.Duration
	var ring []*node
	begun, done := time.Now(), 0
	want := func(share float64) int { return int(share * float64(container) / 1024) }
	target := want(0.3)
	var f *os.File
	for since := time.Duration(0); since < long; since = time.Since(begun) {
		start := time.Now()
		progress := float64(since) / float64(long)
		switch shape {
		case "ramp":
			target = want(0.3 + 0.45*progress)
		case "burst":
			if target = want(0.3); progress > 0.4 && progress < 0.7 {
				target = want(0.6)
			}
		case "offheap":
			offheap(int(0.35 * progress * float64(container)))
		case "cache":
			f = cache(f)
		}
		for len(ring) < target {
			ring = append(ring, &node{})
		}
		clear(ring[min(target, len(ring)):])
		ring = ring[:min(target, len(ring))]
		for range 2000 {
			ring[done*7919%len(ring)] = &node{next: nil}
			done++
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	fmt.Println(done, times[len(times)*99/100].Microseconds())
}

var mapped int

func offheap(bytes int) {
	for ; mapped < bytes; mapped += mib {
		block, err := syscall.Mmap(-1, 0, mib, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			panic(err)
		}
		for i := 0; i < mib; i += 4096 {
			block[i] = 1
		}
	}
}

var block = make([]byte, mib)

// cache reads a file twice as large as the container over and over, a MiB at a time.
func cache(f *os.File) *os.File {
	if f == nil {
		var err error
		if f, err = os.Open(os.Args[4]); err != nil {
			panic(err)
		}
	}
	if n, _ := f.Read(block); n == 0 {
		_, _ = f.Seek(0, 0)
	}
	return f
}
