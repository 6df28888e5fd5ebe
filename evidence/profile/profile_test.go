package profile

import (
	"log/slog"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"testing"

	"github.com/falsifiable/stability/evidence"
)

func capture(t testing.TB) evidence.Bundle {
	t.Helper()
	c, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
		Kinds: []evidence.Kind{Heap{}, Mutex{}, Block{}}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Capture(t.Context(), evidence.Request{Key: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func names(b evidence.Bundle) (files, skipped []string) {
	for _, f := range b.Files {
		files = append(files, f.Name)
	}
	for _, s := range b.Skipped {
		skipped = append(skipped, s.What)
	}
	return files, skipped
}

// TestOnlyWhatIsOn: the kinds leave a service's profiling settings alone, and say what was off.
func TestOnlyWhatIsOn(t *testing.T) {
	wantFiles, wantSkipped := []string{"heap.pb.gz"}, []string{"mutex.pb.gz"}
	if pprof.Lookup("block").Count() == 0 {
		wantSkipped = append(wantSkipped, "block.pb.gz")
	} else { // another test came first, and what it left cannot be emptied
		wantFiles = append(wantFiles, "block.pb.gz")
	}
	files, skipped := names(capture(t))
	if !slices.Equal(files, wantFiles) || !slices.Equal(skipped, wantSkipped) {
		t.Errorf("files %v, skipped %v; want %v, %v", files, skipped, wantFiles, wantSkipped)
	}
	if n := runtime.SetMutexProfileFraction(-1); n != 0 {
		t.Errorf("the mutex profile is on at %d", n)
	}
}

func TestAllOn(t *testing.T) {
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	defer runtime.SetMutexProfileFraction(0)
	defer runtime.SetBlockProfileRate(0)
	var mu sync.Mutex
	var wg sync.WaitGroup
	c := make(chan int)
	mu.Lock()
	wg.Go(func() { c <- 1; mu.Lock(); mu.Unlock() })
	<-c
	runtime.Gosched()
	mu.Unlock()
	wg.Wait()

	b := capture(t)
	files, skipped := names(b)
	if !slices.Equal(files, []string{"heap.pb.gz", "mutex.pb.gz", "block.pb.gz"}) || len(skipped) != 0 {
		t.Errorf("files %v, skipped %v", files, skipped)
	}
	for _, f := range files {
		content, err := b.ReadFile(f)
		if err != nil || len(content) < 20 || content[0] != 0x1f || content[1] != 0x8b {
			t.Errorf("%s is no gzip of a profile: %d bytes, %v", f, len(content), err)
		}
	}
}

func BenchmarkHeap(b *testing.B) {
	c, err := evidence.Open(evidence.Config{Dir: b.TempDir(), Logger: slog.New(slog.DiscardHandler), Cooldown: -1, Spacing: -1,
		MaxBundles: 2, Kinds: []evidence.Kind{Heap{}}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Capture(b.Context(), evidence.Request{Key: "bench"}); err != nil {
			b.Fatal(err)
		}
	}
}
