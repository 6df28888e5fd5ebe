package goruntime

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"

	"github.com/falsifiable/stability/signals"
)

// read samples s and returns the readings by signal name.
func read(t testing.TB, s *Source) map[string]float64 {
	t.Helper()
	var batch signals.Batch
	s.Sample(&batch)
	readings := make(map[string]float64)
	for _, r := range batch.Readings() {
		readings[r.Signal.Name()] = r.Value
	}
	return readings
}

var sink [][]byte

func allocate(n int) {
	for range n {
		sink = append(sink[:0], make([]byte, 64<<10))
	}
}

func TestEverySignalIsReadOnThisToolchain(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(8 << 30))
	s := New()
	allocate(100)
	runtime.GC()
	var wg sync.WaitGroup
	for range 100 { // something to schedule
		wg.Go(runtime.Gosched)
	}
	wg.Wait()
	readings := read(t, s)
	for _, signal := range s.Describe() {
		if _, ok := readings[signal.Name()]; !ok {
			t.Errorf("%s has no reading after a collection", signal.Name())
		}
	}
}

func TestMemoryAgreesWithMemStats(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.GC()
	s := New()
	var before, after runtime.MemStats // the runtime gives memory back in the background: what is read lies between them
	runtime.ReadMemStats(&before)
	readings := read(t, s)
	runtime.ReadMemStats(&after)
	for name, of := range map[string]func(runtime.MemStats) uint64{
		"go.memory.heap.inuse":   func(m runtime.MemStats) uint64 { return m.HeapInuse },
		"go.memory.heap.objects": func(m runtime.MemStats) uint64 { return m.HeapAlloc },
		"go.memory.heap.sys":     func(m runtime.MemStats) uint64 { return m.HeapSys },
		"go.memory.stacks":       func(m runtime.MemStats) uint64 { return m.StackInuse },
		"go.gc.cycles":           func(m runtime.MemStats) uint64 { return uint64(m.NumGC) },
		"go.memory.allocated":    func(m runtime.MemStats) uint64 { return m.TotalAlloc },
		"go.memory.used":         func(m runtime.MemStats) uint64 { return m.Sys - m.HeapReleased },
	} {
		least, most := float64(min(of(before), of(after))), float64(max(of(before), of(after)))
		if got := readings[name]; got < least-1<<20 || got > most+1<<20 {
			t.Errorf("%s = %.0f, ReadMemStats says %.0f to %.0f", name, got, least, most)
		}
	}
}

func TestGoroutinesAreCountedByState(t *testing.T) {
	s := New()
	before := read(t, s)
	block := make(chan struct{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { <-block })
	}
	for read(t, s)["go.goroutine.waiting"] < before["go.goroutine.waiting"]+40 { // an earlier test's may still end
		runtime.Gosched()
	}
	after := read(t, s)
	if got := after["go.goroutine.count"] - before["go.goroutine.count"]; got < 40 {
		t.Errorf("go.goroutine.count grew by %v, want about 50", got)
	}
	if got := after["go.goroutine.created"] - before["go.goroutine.created"]; got < 50 {
		t.Errorf("go.goroutine.created grew by %v, want at least 50", got)
	}
	close(block)
	wg.Wait()
}

func TestGCSignalsNeedACollection(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.GC()
	s := New()
	ofCollections := []string{"go.gc.cpu_ratio", "go.gc.pause_ratio", "go.gc.pause.p50", "go.gc.pause.p99", "go.gc.pause.max"}
	quiet := read(t, s)
	for _, name := range ofCollections {
		if v, ok := quiet[name]; ok {
			t.Errorf("%s = %v in a tick without a collection, want no reading", name, v)
		}
	}
	runtime.GC()
	busy := read(t, s)
	for _, name := range ofCollections {
		if v, ok := busy[name]; !ok || v < 0 || v > 10 {
			t.Errorf("%s = %v, %v after a collection, want a reading", name, v, ok)
		}
	}
	if r := busy["go.gc.cpu_ratio"]; r > 1 || r < busy["go.gc.pause_ratio"] {
		t.Errorf("go.gc.cpu_ratio = %v with pause_ratio = %v, want pause_ratio <= cpu_ratio <= 1", r, busy["go.gc.pause_ratio"])
	}
	if busy["go.gc.pause.p50"] > busy["go.gc.pause.p99"] || busy["go.gc.pause.p99"] > busy["go.gc.pause.max"] {
		t.Errorf("pause quantiles are out of order: %v", busy)
	}
}

func TestGCRatioTellsAStormFromWork(t *testing.T) {
	ratio := func(gogc int, work func()) float64 {
		defer debug.SetGCPercent(debug.SetGCPercent(gogc))
		s := New()
		work()
		runtime.GC()
		return read(t, s)["go.gc.cpu_ratio"]
	}
	live := make([]*[16]*int, 1<<17) // pointers for the collector to follow
	for i := range live {
		live[i] = new([16]*int)
	}
	storm := ratio(5, func() { allocate(2000) })
	calm := ratio(-1, func() {
		x := 1.0
		for i := range 400_000_000 { // beside which the one collection that follows is little, also where it has to wait for a processor
			x += float64(i)
		}
		runtime.KeepAlive(x)
	})
	runtime.KeepAlive(live)
	if storm < 2*calm {
		t.Errorf("ratio in an allocation storm = %.3f, in plain work = %.3f; want it to tell them apart", storm, calm)
	}
}

func TestNoMemoryLimitIsNoReading(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	s := New()
	if v, ok := read(t, s)["go.memory.limit"]; ok {
		t.Errorf("go.memory.limit = %v without a limit, want no reading", v)
	}
	debug.SetMemoryLimit(1 << 30)
	if v := read(t, s)["go.memory.limit"]; v != 1<<30 {
		t.Errorf("go.memory.limit = %v, want 1 GiB", v)
	}
}

func TestUnknownMetricIsNoReading(t *testing.T) {
	s := New()
	for i := range s.samples {
		s.samples[i] = metrics.Sample{Name: s.samples[i].Name + "-of-another-toolchain"}
	}
	if got := read(t, s); len(got) != 0 {
		t.Errorf("with unknown metrics the readings are %v, want none", got)
	}
}

func TestSampleAllocatesNothing(t *testing.T) {
	s := New()
	var batch signals.Batch
	s.Sample(&batch)
	if n := testing.AllocsPerRun(100, func() { batch.Reset(); s.Sample(&batch) }); n != 0 {
		t.Errorf("Sample allocates %v times, want 0", n)
	}
}

func BenchmarkSample(b *testing.B) {
	s := New()
	var batch signals.Batch
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		s.Sample(&batch)
	}
}
