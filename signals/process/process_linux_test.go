package process

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/falsifiable/stability/signals"
)

func TestEverySignalIsReadOnLinux(t *testing.T) {
	s := newSource()
	readings := read(t, s)
	for _, signal := range s.Describe() {
		if v, ok := readings[signal.Name()]; !ok || v <= 0 {
			t.Errorf("%s = %v, %v; want a positive reading", signal.Name(), v, ok)
		}
	}
}

func TestDescriptorsAreCounted(t *testing.T) {
	s := newSource()
	before := read(t, s)["process.open_file_descriptor.count"]
	const more = 40
	for range more {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	if got := read(t, s)["process.open_file_descriptor.count"] - before; got != more {
		t.Errorf("after opening %d files the count grew by %v", more, got)
	}
}

// Kernels before 6.2 report a directory size of 0; counting the entries must come to the same.
func TestCountingEntriesAgreesWithTheDirectorySize(t *testing.T) {
	s := newSource()
	dir := int(s.system.fds.Fd())
	for round := range 3 {
		counted, ok := s.system.counter.count(dir)
		told := read(t, s)["process.open_file_descriptor.count"]
		if !ok || float64(counted) != told {
			t.Errorf("round %d: counted %d, %v; the kernel says %v", round, counted, ok, told)
		}
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
}

func TestManyDescriptorsAreCountedSeldom(t *testing.T) {
	s := newSource()
	dir := int(s.system.fds.Fd())
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	s.system.counter.many = 1
	many, _ := s.system.counter.count(dir)
	f.Close()
	readings := 0
	for n := many; n == many; n, _ = s.system.counter.count(dir) {
		if readings++; readings > recount {
			t.Fatalf("the count was not renewed within %d readings", recount)
		}
	}
	if readings != recount {
		t.Errorf("the count was renewed after %d readings, want %d", readings, recount)
	}
}

func TestMemoryAndCPUFollowTheProcess(t *testing.T) {
	s := newSource()
	before := read(t, s)
	const size = 64 << 20
	ballast, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE) // beside the Go heap, of which the runtime gives back what it likes
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(ballast)
	for i := 0; i < size; i += 4096 {
		ballast[i] = byte(i >> 12) // touch it, or it is not resident
	}
	after := read(t, s)
	for after["process.cpu.time"] <= before["process.cpu.time"] {
		after = read(t, s)
	}
	if got := after["process.memory.usage"] - before["process.memory.usage"]; got < size/2 {
		t.Errorf("after touching %d bytes the resident set grew by %v", size, got)
	}
}

func TestThreadsAreCounted(t *testing.T) {
	s := newSource()
	before := read(t, s)["process.thread.count"]
	release := make(chan struct{})
	var ready, done sync.WaitGroup
	for range 8 {
		ready.Add(1)
		done.Go(func() {
			runtime.LockOSThread() // a locked goroutine takes its thread with it
			ready.Done()
			<-release
		})
	}
	ready.Wait()
	if got := read(t, s)["process.thread.count"]; got < 9 {
		t.Errorf("process.thread.count = %v with 8 locked threads (%v before)", got, before)
	}
	close(release)
	done.Wait()
}

func TestWithoutProcThereIsLessToRead(t *testing.T) {
	s := &Source{}
	readings := read(t, s)
	if _, ok := readings["process.memory.usage"]; ok {
		t.Error("memory was read without /proc")
	}
	if _, ok := readings["process.cpu.time"]; !ok {
		t.Error("CPU time was not read; it needs no /proc")
	}
}

func TestSampleAllocatesNothing(t *testing.T) {
	s := newSource()
	var batch signals.Batch
	s.Sample(&batch)
	if n := testing.AllocsPerRun(100, func() { batch.Reset(); s.Sample(&batch) }); n != 0 {
		t.Errorf("Sample allocates %v times, want 0", n)
	}
	dir := int(s.system.fds.Fd())
	if n := testing.AllocsPerRun(100, func() { s.system.counter.count(dir) }); n != 0 {
		t.Errorf("counting descriptors allocates %v times, want 0", n)
	}
}

func BenchmarkCountEntries(b *testing.B) {
	s := newSource()
	dir := int(s.system.fds.Fd())
	for b.Loop() {
		s.system.counter.rest = 0
		s.system.counter.count(dir)
	}
}
