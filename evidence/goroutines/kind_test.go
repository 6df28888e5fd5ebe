package goroutines

import (
	"bytes"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/internal/eventually"
)

func capture(t testing.TB, cfg evidence.Config) evidence.Bundle {
	t.Helper()
	cfg.Dir, cfg.Logger = t.TempDir(), slog.New(slog.DiscardHandler)
	c, err := evidence.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Capture(t.Context(), evidence.Request{Key: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// park starts n goroutines that wait for a channel and returns when all of them run.
func park(n int) (release func()) {
	c := make(chan int)
	var started, ended sync.WaitGroup
	started.Add(n)
	for range n {
		ended.Go(func() {
			started.Done()
			parked(c)
		})
	}
	started.Wait()
	return func() {
		close(c)
		ended.Wait()
	}
}

//go:noinline
func parked(c chan int) { <-c }

func skipped(b evidence.Bundle, what string) string {
	for _, s := range b.Skipped {
		if s.What == what {
			return s.Why
		}
	}
	return ""
}

func TestStacks(t *testing.T) {
	defer park(40)()
	arrived(t, 40, ".parked")
	b := capture(t, evidence.Config{Kinds: []evidence.Kind{Stacks{}}})
	for file, want := range map[string]string{
		ProfileFile: "", ReportFile: "40 × chan receive  [suspect: blocked until", StacksFile: "[chan receive]:"} {
		content, err := b.ReadFile(file)
		if err != nil || !strings.Contains(string(content), want) {
			t.Errorf("%s: %v, without %q", file, err, want)
		}
		if file == ReportFile {
			continue
		}
		d, err := Parse(bytes.NewReader(content))
		if err != nil || d.Signature().Count != 40 || !strings.HasSuffix(d.Signature().Where.Func, ".parked") {
			t.Errorf("%s reads as %v, %v; want the 40 that are parked", file, d.Signature(), err)
		}
	}
	for _, want := range []string{"40 of ", "goroutines: chan receive at ", ".parked (", "kind_test.go:"} {
		if !strings.Contains(b.Signature, want) {
			t.Errorf("signature %q lacks %q", b.Signature, want)
		}
	}
}

// TestHazard02EvidencePausesTheWorld: with 20,000 goroutines only the aggregated form is taken. The same capture with
// the cap lifted takes the full one, so what is counted is there to be counted.
func TestHazard02EvidencePausesTheWorld(t *testing.T) {
	const n = 20_000
	defer park(n)()
	for limit, wantFull := range map[int]bool{0: false, n - 1: false, 2 * n: true} {
		b := capture(t, evidence.Config{GoroutineCap: limit, MaxBytes: 1 << 30, Kinds: []evidence.Kind{Stacks{}}})
		full, aggregated := 0, 0
		for _, f := range b.Files {
			content, err := b.ReadFile(f.Name)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case strings.Contains(string(content), "\ngoroutine "):
				full++
			case f.Name == ProfileFile:
				aggregated++
			}
		}
		if aggregated != 1 || (full > 0) != wantFull {
			t.Errorf("cap %d: %d aggregated and %d full dumps; full wanted: %v", limit, aggregated, full, wantFull)
		}
		if why := skipped(b, StacksFile); (why == "") != wantFull || !wantFull && !strings.Contains(why, "above the cap of ") {
			t.Errorf("cap %d: the manifest says %q about the full dump", limit, why)
		}
		t.Logf("cap %d: %d stops, %v in all, the longest %v", limit, b.Cost.Stops, b.Cost.Stopped, b.Cost.Longest)
	}
}

func TestStacksWhenMemoryIsShort(t *testing.T) {
	short := evidence.Config{Kinds: []evidence.Kind{Stacks{}, Leaks{}}, Memory: func() (uint64, uint64) { return 99, 100 }}
	b := capture(t, short)
	if _, ok := b.File(ProfileFile); !ok || skipped(b, StacksFile) != "memory is short" {
		t.Errorf("few goroutines: files %v, skipped %v; want the profile only", b.Files, b.Skipped)
	}
	defer park(leanBytes / profileBytes)()
	b = capture(t, short)
	if len(b.Files) != 0 || !strings.Contains(skipped(b, "goroutines"), "memory is short") {
		t.Errorf("many goroutines: files %v, skipped %v; want nothing", b.Files, b.Skipped)
	}
}

// TestLeaks: with the profile, leaks are found and signed; without, the manifest says so, and the test runs itself again in a build
// that has it.
func TestLeaks(t *testing.T) {
	leak(t)
	b := capture(t, evidence.Config{Kinds: []evidence.Kind{Leaks{}}})
	if pprof.Lookup("goroutineleak") == nil {
		if !strings.Contains(skipped(b, LeakFile), "goroutineleakprofile") || len(b.Files) != 0 {
			t.Errorf("files %v, skipped %v", b.Files, b.Skipped)
		}
		cmd := exec.Command("go", "test", "-count=1", "-v", "-run=^TestLeaks$", ".")
		cmd.Env = append(cmd.Environ(), "GOEXPERIMENT=goroutineleakprofile")
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("signed as")) {
			t.Errorf("in a build with the profile: %v\n%s", err, out)
		}
		return
	}
	content, err := b.ReadFile(LeakFile)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(d.Stacks, func(s Stack) bool { return s.Count == 3 && strings.HasSuffix(s.Where().Func, ".forgotten") }) {
		t.Errorf("the three leaks are not among %+v", d.Stacks)
	}
	if !strings.Contains(b.Signature, "goroutines: leaked in ") {
		t.Errorf("signature %q", b.Signature)
	}
	t.Log("signed as", b.Signature)
}

var leakOnce sync.Once // a leak is for good, however often the tests run

// leak leaves three goroutines behind whose channels nobody can reach, and returns when they are parked there.
func leak(t *testing.T) {
	t.Helper()
	leakOnce.Do(func() {
		for range 3 {
			go forgotten(make(chan int))
		}
	})
	arrived(t, 3, ".forgotten")
}

// arrived returns when so many goroutines wait for a channel in a function: one that was started may be on its way there for a while.
func arrived(t *testing.T, n int, function string) {
	t.Helper()
	eventually.Holds(t, "the goroutines are at their channels", func() bool {
		buf := make([]byte, 1<<20)
		d, err := Parse(bytes.NewReader(buf[:runtime.Stack(buf, true)]))
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(d.Stacks, func(s Stack) bool {
			return s.Count >= n && s.State == ChanReceive && strings.HasSuffix(s.Where().Func, function)
		})
	})
}

//go:noinline
func forgotten(c chan int) { <-c }

func BenchmarkCapture(b *testing.B) {
	for _, n := range []int{10, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			release := park(n)
			defer release()
			c, err := evidence.Open(evidence.Config{Dir: b.TempDir(), Logger: slog.New(slog.DiscardHandler),
				Cooldown: -1, Spacing: -1, MaxBundles: 2, Kinds: []evidence.Kind{Stacks{}}})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var total evidence.Cost
			for b.Loop() {
				bundle, err := c.Capture(b.Context(), evidence.Request{Key: "bench"})
				if err != nil {
					b.Fatal(err)
				}
				total.CPU += bundle.Cost.CPU
				total.Stops += bundle.Cost.Stops
				total.Stopped += bundle.Cost.Stopped
				total.Longest = max(total.Longest, bundle.Cost.Longest)
			}
			ops := float64(b.N)
			b.ReportMetric(float64(total.CPU)/ops, "cpu-ns/op")
			b.ReportMetric(float64(total.Stops)/ops, "stops/op")
			b.ReportMetric(float64(total.Stopped)/ops, "stopped-ns/op")
			b.ReportMetric(float64(total.Longest)/float64(time.Nanosecond), "longest-stop-ns")
		})
	}
}
