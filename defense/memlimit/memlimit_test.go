package memlimit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/internal/cgroups"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/cgroup"
)

const mib = 1 << 20

func TestDecide(t *testing.T) {
	base := inputs{ratio: 0.9, min: 64 * mib, container: cgroup.Limit{State: cgroup.Limited, Value: 1000 * mib, Path: "/c"}, used: 100 * mib, heap: heap{used: 100 * mib, live: 50 * mib}}
	for _, test := range []struct {
		name    string
		change  func(*inputs)
		limit   float64 // MiB
		crowded bool
		reason  string
	}{
		{"nothing but the heap", func(*inputs) {}, 900, false, "0.9 of /c"},
		{"another ratio", func(in *inputs) { in.ratio = 0.8 }, 800, false, "0.8"},
		{"memory of cgo", func(in *inputs) { in.used = 400 * mib }, 600, false, "outside of the Go heap"},
		{"less resident than mapped", func(in *inputs) { in.used = 50 * mib }, 900, false, ""},
		{"use unknown", func(in *inputs) { in.used = math.NaN() }, 900, false, "could not be measured"},
		{"page cache in use", func(in *inputs) { in.cache = 200 * mib }, 700, false, "page cache"},
		{"page cache gives way", func(in *inputs) { in.cache = 200 * mib; in.heap.live = 700 * mib }, 770, false, "gives way"},
		{"too much is live", func(in *inputs) { in.heap = heap{900 * mib, 880 * mib}; in.used = 900 * mib }, 900, true, "shed load or enlarge"},
		{"live and outside do not fit", func(in *inputs) { in.heap = heap{600 * mib, 500 * mib}; in.used = 1000 * mib }, 550, true, "500.0 MiB are live and 400.0 MiB"},
		{"a small container", func(in *inputs) { in.container.Value, in.used = 48*mib, 20*mib; in.heap = heap{10 * mib, 5 * mib} }, 38.4, false, "the least that makes sense"},
		{"room for what the runtime oversteps", func(in *inputs) { in.container.Value, in.used = 128*mib, 10*mib; in.heap = heap{10 * mib, 5 * mib} }, 112, false, "0.875 of /c"},
		{"the least limit", func(in *inputs) { in.container.Value, in.used = 100*mib, 60*mib; in.heap = heap{10 * mib, 5 * mib} }, 64, false, "the least that makes sense"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := base
			test.change(&in)
			d := in.decide()
			if got := float64(d.Limit) / mib; math.Abs(got-test.limit) > 0.1 || d.Crowded != test.crowded || !strings.Contains(d.Reason(), test.reason) || d.Outcome != Set {
				t.Errorf("%.1f MiB, crowded %v, %s: %q; want %v MiB, %v", got, d.Crowded, d.Outcome, d.Reason(), test.limit, test.crowded)
			}
		})
	}
}

// Whatever is measured, the limit never passes the container's share, and never falls below what is live if that fits.
func TestDecideHoldsItsBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		in := inputs{ratio: 0.5 + 0.47*random.Float64(), min: 64 * mib, container: cgroup.Limit{Value: math.Exp(17 + 8*random.Float64())}}
		in.used = in.container.Value * random.Float64()
		in.heap.used = in.container.Value * random.Float64()
		in.heap.live = in.heap.used * random.Float64()
		in.cache = in.container.Value * 0.2 * random.Float64()
		d := in.decide()
		limit, ceiling := float64(d.Limit), d.ratio*in.container.Value
		if d.ratio > in.ratio || d.ratio < min(in.ratio, 0.8) || limit > ceiling || limit <= 0 || limit < min(1.1*in.heap.live, ceiling)-1 {
			t.Fatalf("%+v: %+v", in, d)
		}
	}
}

// world is a process and its container to set limits in.
type world struct {
	t     *testing.T
	root  string
	limit int64 // of the runtime
	sets  int
	env   map[string]string
	heap  heap
	log   strings.Builder
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, root: t.TempDir(), limit: math.MaxInt64, env: map[string]string{}, heap: heap{100 * mib, 50 * mib}}
	w.write("proc/meminfo", "MemTotal: 16384000 kB\n")
	w.write("proc/self/cgroup", "0::/\n")
	w.write("proc/self/mountinfo", "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
	w.container("1048576000", 100, 0)
	return w
}

func (w *world) write(name, text string) {
	w.t.Helper()
	name = filepath.Join(w.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
		w.t.Fatal(err)
	}
}

// container sets memory.max, and what is in use and active page cache, in MiB.
func (w *world) container(limit string, used, active int) {
	w.write("sys/fs/cgroup/memory.max", limit+"\n")
	w.write("sys/fs/cgroup/memory.current", fmt.Sprintln((used+active)*mib))
	w.write("sys/fs/cgroup/memory.stat", fmt.Sprintf("anon %d\nfile %d\ninactive_file 0\nactive_file %d\nslab_reclaimable 0\n", used*mib, active*mib, active*mib))
}

func (w *world) new(c Config) *Limiter {
	w.t.Helper()
	c.Cgroup = cgroup.OpenAt(w.root, 0)
	c.Logger = slog.New(slog.NewTextHandler(&w.log, nil))
	c.lookup = func(name string) (string, bool) { v, ok := w.env[name]; return v, ok }
	c.heap = func() heap { return w.heap }
	c.set = func(n int64) int64 {
		before := w.limit
		if n >= 0 {
			w.limit = n
			w.sets++
		}
		return before
	}
	l, err := New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// looks looks n times and checks the limit in force, in MiB.
func (w *world) looks(l *Limiter, n int, want int64) {
	w.t.Helper()
	for range n {
		l.Look()
	}
	if w.limit/mib != want {
		w.t.Errorf("after %d looks the limit is %d MiB, want %d: %+v\n%s", n, w.limit/mib, want, l.Last(), w.log.String())
	}
}

func TestLimitFollowsTheContainer(t *testing.T) {
	w := newWorld(t)
	l := w.new(Config{})
	w.looks(l, 1, 900)
	w.looks(l, 100, 900)
	if w.sets != 1 || strings.Count(w.log.String(), "\n") != 1 || !strings.Contains(w.log.String(), "memory limit set") {
		t.Errorf("%d times set; log:\n%s", w.sets, w.log.String())
	}
	w.container("2097152000", 100, 0) // resized in place
	w.looks(l, cgroup.Lag, 1800)
	w.container("1048576000", 500, 0) // and back, and memory beside the heap
	w.looks(l, cgroup.Lag, 500)
	w.container("1048576000", 510, 0) // a little more is not worth a stop of the world
	sets := w.sets
	w.looks(l, 20, 500)
	if w.sets != sets {
		t.Errorf("set %d times more for 1 %%", w.sets-sets)
	}
	w.container("1048576000", 100, 0)
	w.looks(l, 20, 500) // what was freed may be needed again
	w.looks(l, 40, 900)
	w.container("max", 100, 0)
	w.looks(l, cgroup.Lag, 900)
	if d := l.Last(); d.Outcome != None || !strings.Contains(w.log.String(), "no memory limit") {
		t.Errorf("without a limit: %+v", d)
	}
}

func TestPageCacheInUseIsKept(t *testing.T) {
	w := newWorld(t)
	w.container("1048576000", 100, 300)
	l := w.new(Config{})
	w.looks(l, 1, 700) // at most a fifth of the container
	w.container("1048576000", 100, 0)
	w.looks(l, 100, 700)  // it may come back: the heap may have crowded it out
	w.looks(l, 3000, 850) // 49 of 900 are not worth a stop of the world
	none := w.new(Config{PageCache: -1})
	w.limit = math.MaxInt64
	w.container("1048576000", 100, 300)
	w.looks(none, 1, 900)
}

func TestExplicitLimitsWin(t *testing.T) {
	for _, value := range []string{"off", "429496729", "2GiB"} {
		w := newWorld(t)
		w.env["GOMEMLIMIT"] = value
		switch value {
		case "429496729":
			w.limit = 429496729
		case "2GiB":
			w.limit = 2 << 30
		}
		l := w.new(Config{})
		l.Look()
		if d := l.Look(); d.Outcome != Explicit || w.sets != 0 || !strings.Contains(w.log.String(), value) || strings.Count(w.log.String(), "\n") != 1 {
			t.Errorf("GOMEMLIMIT=%s: %+v, set %d times\n%s", value, d, w.sets, w.log.String())
		}
		if above := strings.Contains(l.Last().Reason(), "above the container"); above != (value != "429496729") {
			t.Errorf("GOMEMLIMIT=%s: %s", value, l.Last().Reason())
		}
	}
	w := newWorld(t)
	w.limit = 300 * mib // by the program
	if d := w.new(Config{}).Look(); d.Outcome != Explicit || w.sets != 0 {
		t.Errorf("a limit of the program's own: %+v", d)
	}
	w = newWorld(t)
	l := w.new(Config{})
	l.Look()
	w.limit = 300 * mib // later
	w.looks(l, 50, 300)
}

func TestHoldLiftsWithinABound(t *testing.T) {
	w := newWorld(t)
	l := w.new(Config{})
	if l.Hold(1 << 40); w.sets != 0 {
		t.Error("a hold before there is a limit sets one")
	}
	l.Look()
	l.Hold(1 << 40)
	w.looks(l, 50, 970)
	l.Hold(math.MaxInt64)
	w.looks(l, 50, math.MaxInt64/mib)
	l.Hold(1 << 40)
	w.container("524288000", 100, 0)
	w.looks(l, cgroup.Lag, 970) // while it is held nothing else moves it
	l.Hold(0)
	w.looks(l, cgroup.Lag, 450)
}

func TestDryRunSetsNothing(t *testing.T) {
	w := newWorld(t)
	l := w.new(Config{DryRun: true})
	l.Look()
	l.Look()
	if d := l.Last(); w.sets != 0 || d.Limit/mib != 900 || strings.Count(w.log.String(), "dry_run=true") != 1 {
		t.Errorf("%+v, set %d times\n%s", d, w.sets, w.log.String())
	}
}

func TestRunLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		l := w.new(Config{})
		ctx, stop := context.WithCancelCause(t.Context())
		why := errors.New("shutting down")
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		synctest.Wait()
		w.container("2097152000", 100, 0)
		<-time.After(time.Minute)
		synctest.Wait()
		if l.Last().Limit/mib != 1800 {
			t.Errorf("a minute after a resize: %+v", l.Last())
		}
		if stop(why); <-done != why {
			t.Error("Run does not say why it ended")
		}
	})
	if err := Run(t.Context(), Config{Ratio: 7}); err == nil || !strings.Contains(err.Error(), "Ratio is 7") {
		t.Errorf("a bad configuration: %v", err)
	}
}

func TestSource(t *testing.T) {
	w := newWorld(t)
	l := w.new(Config{})
	var batch signals.Batch
	l.Source().Sample(&batch)
	if len(batch.Readings()) != 1 {
		t.Errorf("%d readings before there is a limit", len(batch.Readings()))
	}
	l.Look()
	source := l.Source()
	batch.Reset()
	source.Sample(&batch)
	if len(batch.Readings()) != len(source.Describe()) {
		t.Errorf("%d readings of %d signals", len(batch.Readings()), len(source.Describe()))
	}
	if n := testing.AllocsPerRun(50, func() { batch.Reset(); source.Sample(&batch); l.Look() }); n > 0 {
		t.Errorf("a look without a change and a sample allocate %v times", n)
	}
}

// TestMain turns into the program that TestInARealCgroup runs: 320 MiB live, and as much again of garbage all the time.
func TestMain(m *testing.M) {
	mode := os.Getenv("MEMLIMIT_TEST_CHILD")
	if mode == "" {
		os.Exit(m.Run())
	}
	if mode == "limited" {
		go func() { _ = Run(context.Background(), Config{}) }()
	} else {
		debug.SetMemoryLimit(math.MaxInt64)
	}
	live := make([][]byte, 0, 5120)
	for range cap(live) {
		live = append(live, touched())
	}
	for i := range 20_000 {
		live[i%len(live)] = touched()
	}
	fmt.Println("survived with", len(live))
}

func touched() []byte {
	block := make([]byte, 64<<10)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	return block
}

// In a real container of 512 MiB the kernel kills the program without the limiter, and with it the program lives. In one
// of 128 MiB it may not: on a machine short of CPU the runtime passes its own limit by up to 15 MiB, for the collector does
// not get to run as soon as it should, and a tenth of 128 MiB is less.
func TestInARealCgroup(t *testing.T) {
	name := program(t)
	run := func(mode string) (output string, kills int) {
		g, err := cgroups.Make(fmt.Sprintf("stability-memlimit-%d", os.Getpid()), cgroups.Limits{Memory: 512 * mib})
		if errors.Is(err, cgroups.ErrUnavailable) {
			t.Skipf("NOT RUN: %v", err)
		}
		defer g.Remove()
		cmd := g.Command(name)
		cmd.Env = append(os.Environ(), "MEMLIMIT_TEST_CHILD="+mode, "GOMEMLIMIT=")
		out, _ := cmd.CombinedOutput()
		return string(out), g.Kills()
	}
	if out, kills := run("unlimited"); kills != 1 {
		t.Errorf("without a limit the kernel killed %d processes: %s", kills, out)
	}
	if out, kills := run("limited"); kills != 0 || !strings.Contains(out, "survived with 5120") {
		t.Errorf("with the limiter the kernel killed %d processes: %s", kills, out)
	}
}
