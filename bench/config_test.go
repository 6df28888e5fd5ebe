package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/viper"

	"github.com/falsifiable/stability/defense/hotconfig"
)

// abConfig has two settings that are always changed together, so that a reader who sees two different ones has seen half of a
// change.
type abConfig struct {
	A int `yaml:"a"`
	B int `yaml:"b"`
}

// A store is a way to share the configuration. read returns both settings as one request would, one after the other.
type store struct {
	name  string
	read  func() (a, b int)
	write func(n int)
}

// replace writes a new file with both settings and renames it.
func replace(b testing.TB, dir string, n int) (path string) {
	path = filepath.Join(dir, "c.yaml")
	if err := errors.Join(os.WriteFile(path+".new", fmt.Appendf(nil, "a: %d\nb: %d\n", n, n), 0o600), os.Rename(path+".new", path)); err != nil {
		b.Fatal(err)
	}
	return path
}

func stores(b testing.TB) []store {
	var mu sync.Mutex
	locked := map[string]int{"a": 0, "b": 0}
	one := func(key string) int {
		mu.Lock()
		defer mu.Unlock()
		return locked[key]
	}
	var whole atomic.Value
	whole.Store(&abConfig{})
	oursDir, viperDir, koanfDir := b.TempDir(), b.TempDir(), b.TempDir()
	ours := must(hotconfig.Watch[abConfig](b.Context(), replace(b, oursDir, 0), hotconfig.Options[abConfig]{
		Debounce: time.Millisecond, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}))
	v := viper.New()
	v.SetConfigFile(replace(b, viperDir, 0))
	k := koanf.New(".")
	source := file.Provider(replace(b, koanfDir, 0))
	if err := errors.Join(v.ReadInConfig(), k.Load(source, yaml.Parser())); err != nil {
		b.Fatal(err)
	}
	return []store{
		{"ours", func() (int, int) { c := ours.Get(); return c.A, c.B }, func(n int) {
			replace(b, oursDir, n)
			if err := ours.Reload(context.Background()); err != nil {
				b.Error(err)
			}
		}},
		{"mutexmap", func() (int, int) { return one("a"), one("b") }, func(n int) {
			mu.Lock()
			defer mu.Unlock()
			locked["a"], locked["b"] = n, n
		}},
		{"atomicvalue", func() (int, int) { c := whole.Load().(*abConfig); return c.A, c.B }, func(n int) { whole.Store(&abConfig{n, n}) }},
		{"viper", func() (int, int) { return v.GetInt("a"), v.GetInt("b") }, nil}, // neither may be read while it is loaded: see TestRacesOfPeers
		{"koanf", func() (int, int) { return k.Int("a"), k.Int("b") }, nil},
	}
}

// BenchmarkConfigRead reads two settings, with nobody who writes: viper and koanf do not permit that. Wrong reads beside a writer
// are counted by TestConfigIsReadWhole.
func BenchmarkConfigRead(b *testing.B) {
	for _, s := range stores(b) {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					s.read()
				}
			})
		})
	}
}

// reads is how many pairs are read beside a writer; the guide has a figure for 10,000,000.
const reads = 200_000

// TestConfigIsReadWhole counts the pairs of reads that see half of a change, beside a writer that does not rest.
func TestConfigIsReadWhole(t *testing.T) {
	for _, s := range stores(t) {
		if s.write == nil {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			var writes atomic.Int64
			stop, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for {
					select {
					case <-stop:
						return
					default:
						s.write(int(writes.Add(1)))
					}
				}
			}()
			var wg sync.WaitGroup
			var torn, pairs atomic.Int64
			const readers = 8
			each := count(reads) / readers
			for range readers {
				wg.Go(func() {
					n := 0
					for ; n < each || writes.Load() < 50; n++ {
						if a, b := s.read(); a != b {
							torn.Add(1)
						}
					}
					pairs.Add(int64(n))
				})
			}
			wg.Wait()
			close(stop)
			<-done
			t.Logf("%d of %d pairs of reads were torn, by %d writes", torn.Load(), pairs.Load(), writes.Load())
			if s.name != "mutexmap" && torn.Load() > 0 {
				t.Error("a snapshot was torn")
			}
		})
	}
}

// count lets a person ask for more.
func count(n int) int {
	if more := os.Getenv("BENCH_READS"); more != "" {
		if _, err := fmt.Sscan(more, &n); err != nil {
			panic(err)
		}
	}
	return n
}

// BenchmarkConfigGet is one reading, summed so that it is not optimized away; empty is the loop and the sum without it.
func BenchmarkConfigGet(b *testing.B) {
	config := must(hotconfig.Watch[abConfig](b.Context(), replace(b, b.TempDir(), 1), hotconfig.Options[abConfig]{Logger: slog.New(slog.DiscardHandler)}))
	sum := 0
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			sum += config.Get().A
		}
	})
	plain := &abConfig{A: 1}
	b.Run("plainpointer", func(b *testing.B) {
		for range b.N {
			sum += plain.A
		}
	})
	if sum == 0 {
		b.Error("nothing was read")
	}
}

// BenchmarkConfigChange is the time from before the writing of a new file until the last of eight readers has it, by events alone; viper
// permits no readers beside a change, so there it is until its event. Its quantiles want many changes: -benchtime=300x.
func BenchmarkConfigChange(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		dir := b.TempDir()
		config := must(hotconfig.Watch[abConfig](b.Context(), replace(b, dir, 0), hotconfig.Options[abConfig]{Poll: time.Hour, Logger: slog.New(slog.DiscardHandler)}))
		quantiles(b, func(n int) {
			replace(b, dir, n)
			var readers sync.WaitGroup
			for range 8 {
				readers.Go(func() {
					for config.Get().A != n {
						<-time.After(100 * time.Microsecond) // who read without a pause would keep the writer from its core
					}
				})
			}
			readers.Wait()
		})
	})
	b.Run("viper", func(b *testing.B) {
		dir := b.TempDir()
		v := viper.New()
		v.SetConfigFile(replace(b, dir, 0))
		if err := v.ReadInConfig(); err != nil {
			b.Fatal(err)
		}
		changed := make(chan int, 1000)
		v.OnConfigChange(func(fsnotify.Event) { changed <- v.GetInt("a") })
		v.WatchConfig()
		quantiles(b, func(n int) {
			replace(b, dir, n)
			for <-changed != n {
			}
		})
	})
}

// quantiles measures each change by itself.
func quantiles(b *testing.B, change func(n int)) {
	var taken []float64
	for n := 1; b.Loop(); n++ {
		begun := time.Now()
		change(n)
		taken = append(taken, time.Since(begun).Seconds())
	}
	slices.Sort(taken)
	b.ReportMetric(1e3*taken[len(taken)/2], "p50-ms")
	b.ReportMetric(1e3*taken[len(taken)*99/100], "p99-ms")
}

// configraces builds the program that reads a configuration while it changes.
func configraces(t *testing.T, flags ...string) (run func(who string, readers int) (output string, err error)) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "configraces")
	if out, err := exec.Command("go", append(append([]string{"build"}, flags...), "-o", binary, "./programs/configraces")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return func(who string, readers int) (string, error) {
		cmd := exec.Command(binary, who, t.TempDir(), fmt.Sprint(readers))
		cmd.Env = append(os.Environ(), "GORACE=halt_on_error=0 atexit_sleep_ms=0")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

const (
	concurrentMap = "fatal error: concurrent map"
	dataRace      = "WARNING: DATA RACE"
)

// TestReadersOfPeers counts what eight readers read in two seconds beside a writer, each way in a process of its own, for some of
// them are ended by it; with BENCH_READS also one reader and 64. What the others do is printed and judged by nobody: it is theirs.
func TestReadersOfPeers(t *testing.T) {
	run := configraces(t)
	crowds := []int{8}
	if os.Getenv("BENCH_READS") != "" {
		crowds = []int{1, 8, 64}
	}
	for _, who := range []string{"plainmap", "mutexmap", "atomicvalue", "viper", "koanf", "ours"} {
		for _, readers := range crowds {
			out, err := run(who, readers)
			var pairs, torn int64
			if _, scanned := fmt.Sscan(out, &pairs, &torn); scanned != nil {
				t.Logf("%s, %d readers: %v, fatal: %t", who, readers, err, strings.Contains(out, concurrentMap))
			} else {
				t.Logf("%s, %d readers: %d pairs of reads a second, %d of %d torn", who, readers, pairs/2, torn, pairs)
			}
			if who == "ours" && (err != nil || torn > 0) {
				t.Errorf("ours: %v, %s", err, out)
			}
		}
	}
}

// TestRacesOfPeers runs the same with the race detector.
func TestRacesOfPeers(t *testing.T) {
	run := configraces(t, "-race")
	for _, who := range []string{"plainmap", "viper", "koanf", "ours"} {
		out, err := run(who, 4)
		races := strings.Count(out, dataRace)
		t.Logf("%s: %d data races, fatal: %t (%v)", who, races, strings.Contains(out, concurrentMap), err)
		if who == "ours" && (err != nil || races > 0) {
			t.Errorf("ours: %s", out)
		}
	}
}
