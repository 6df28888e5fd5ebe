package goroutineleak

import (
	"bytes"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// read samples s and returns the readings by name and labels, without the common part of the names.
func read(s *Source) map[string]float64 {
	var batch signals.Batch
	s.Sample(&batch)
	readings := make(map[string]float64)
	for _, r := range batch.Readings() {
		readings[strings.TrimPrefix(r.Signal.Name(), "go.goroutine.")+r.Labels.String()] = r.Value
	}
	return readings
}

const (
	healthy = `leaked{site="other",wait="lock"}`
	cpuSum  = "leak_profile.cpu.time"
	nextIn  = "leak_profile.interval"
)

// within runs a test in virtual time on a source whose profiles take so long and are counted.
func within(t *testing.T, config Config, took time.Duration, test func(s *Source, profiles *atomic.Int64)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var profiles atomic.Int64
		s := New(config)
		s.write = func(b *bytes.Buffer) error {
			profiles.Add(1)
			<-time.After(took)
			b.WriteString("goroutineleak profile: total 0\n")
			return nil
		}
		test(s, &profiles)
		synctest.Wait()
		<-time.After(took) // until the last one has ended
	})
}

// tick samples once a second.
func tick(s *Source, d time.Duration) {
	for range int(d / time.Second) {
		<-time.After(time.Second)
		synctest.Wait()
		read(s)
	}
}

func TestNothingIsReadBeforeTheFirstProfile(t *testing.T) {
	within(t, Config{}, 0, func(s *Source, profiles *atomic.Int64) {
		tick(s, 59*time.Second)
		if got := read(s); profiles.Load() != 0 || len(got) != 0 {
			t.Errorf("after 59 s: %d profiles and readings %v, want none", profiles.Load(), got)
		}
		tick(s, 2*time.Second)
		got := read(s)
		if v, ok := got[healthy]; profiles.Load() != 1 || !ok || v != 0 || got[nextIn] != 60 {
			t.Errorf("after 61 s: %d profiles, %v; want one that found 0 leaks at locks", profiles.Load(), got)
		}
	})
}

// TestBudget: however dear a profile is, all of them together keep within the share of one core.
func TestBudget(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		name   string
		config Config
		took   time.Duration
		most   int64 // profiles in a day
	}{
		{"cheap: once a minute", Config{}, 0, 24 * 60},
		{"2 s of CPU: 1/1000 of a core", Config{}, 2 * time.Second, 44},
		{"2 s of CPU: 1/100 of a core", Config{CPU: 0.01}, 2 * time.Second, 433},
		{"two minutes of CPU", Config{}, 2 * time.Minute, 1},
	} {
		test.config.MaxInterval = 2 * day // so that the share alone decides
		t.Run(test.name, func(t *testing.T) {
			within(t, test.config, test.took, func(s *Source, profiles *atomic.Int64) {
				tick(s, day)
				if profiles.Load() > test.most || profiles.Load() < test.most*9/10 {
					t.Errorf("%d profiles in a day, want about %d and no more", profiles.Load(), test.most)
				}
				if limit := max(s.config.CPU*day.Seconds(), test.took.Seconds()) * 1.05; read(s)[cpuSum] > limit {
					t.Errorf("profiles took %v s of CPU in a day, want at most %v", read(s)[cpuSum], limit)
				}
			})
		})
	}
}

func TestPause(t *testing.T) {
	c := New(Config{}).config
	procs := time.Duration(runtime.GOMAXPROCS(0))
	for _, test := range []struct {
		cost cost
		want time.Duration
	}{
		{cost{}, time.Minute},
		{cost{cpu: 0.05}, time.Minute},
		{cost{cpu: 0.5}, 500 * time.Second},
		{cost{stopped: 0.002}, 200 * time.Second},
		{cost{cpu: 0.5, stopped: 0.02}, 10 * time.Minute},
		{cost{cpu: 2.84}, 10 * time.Minute},                // was measured on a busy machine: 47 minutes without a bound
		{cost{stopped: 0.26}, 10 * time.Minute},            // and this seven hours
		{cost{cpu: 24 * float64(procs)}, 40 * time.Minute}, // a hundredth of the processors
		{cost{stopped: 2}, 2000 * time.Second},
		{cost{cpu: 1e12}, 100 * 365 * 24 * time.Hour},
	} {
		if got := c.pause(test.cost); got.Round(time.Millisecond) != test.want {
			t.Errorf("after a profile of %+v the next is in %v, want %v", test.cost, got, test.want)
		}
	}
}

// TestOneProfileAtATime: while one takes longer than the interval, no other is begun, and Sample does not wait for it.
func TestOneProfileAtATime(t *testing.T) {
	within(t, Config{Interval: time.Second, CPU: 1}, time.Minute, func(s *Source, profiles *atomic.Int64) {
		begin := time.Now()
		tick(s, 30*time.Second)
		if took := time.Since(begin); profiles.Load() != 1 || took != 30*time.Second {
			t.Errorf("%d profiles in 30 ticks that took %v, want 1 in 30 s", profiles.Load(), took)
		}
	})
}

// TestTooManyGoroutines: a profile of very many goroutines would stop the world for too long.
func TestTooManyGoroutines(t *testing.T) {
	within(t, Config{MaxGoroutines: 1}, 0, func(s *Source, profiles *atomic.Int64) { // and the test has two at least
		tick(s, time.Hour)
		if profiles.Load() != 0 {
			t.Errorf("%d profiles were taken, want none", profiles.Load())
		}
	})
}

func TestMeterCountsTheCollector(t *testing.T) {
	m := startMeter()
	for range 20 {
		runtime.GC()
	}
	if k := m.stop(); k.cpu <= time.Since(m.begin).Seconds()*1e-6 || k.stopped <= 0 {
		t.Errorf("twenty collections cost %+v, want CPU and stops", k)
	}
}

// TestIntervalFollowsContractTime: under stability falsify minutes of contract time pass in seconds.
func TestIntervalFollowsContractTime(t *testing.T) {
	s := New(Config{}) // a package's variable is made before the scale is known
	s.write = func(*bytes.Buffer) error { return nil }
	timescale.Set(0.1)
	defer timescale.Set(1)
	s.Sample(new(signals.Batch))
	if c := s.config; c.Interval != 6*time.Second || c.CPU != 0.01 || c.Stop != 0.0001 {
		t.Errorf("at a tenth of the time the budget is %+v", c)
	}
}

func TestSites(t *testing.T) {
	s := newSites(2)
	for i, name := range []string{"a", "b", "c", "d"} {
		s.known[name] = site{lock, name}
		if i == 0 {
			s.known["w"] = site{channel, "w"}
		}
	}
	count := func(profile string) map[string]float64 {
		got := make(map[string]float64)
		for _, l := range s.count([]byte(profile)) {
			if l.count > 0 {
				got[l.labels.String()] = l.count
			}
		}
		return got
	}
	const profile = "goroutineleak profile: total 19\n7 @ a\n#\t0x1\tmain.f+0x1\n\n5 @ b\n# labels: {\"q\":\"9 @ a\"}\n2 @ w\n3 @ c\n2 @ d\n"
	want := map[string]float64{`{site="a",wait="lock"}`: 7, `{site="b",wait="lock"}`: 5, `{site="other",wait="lock"}`: 5,
		`{site="w",wait="channel"}`: 2}
	for range 2 { // a second profile of the same is not added to the first
		got := count(profile)
		if len(got) != len(want) {
			t.Errorf("leaks %v, want %v", got, want)
		}
		for labels, n := range want {
			if got[labels] != n {
				t.Errorf("%s = %v, want %v", labels, got[labels], n)
			}
		}
	}
	if got := count("goroutineleak profile: total 0\n"); len(got) != 0 || len(s.count(nil)) != kinds+3 {
		t.Errorf("without a leak: %v in %d rows, want 0 in each known row", got, len(s.count(nil)))
	}
}

var leakOnce sync.Once // a leak is for good, however often the tests run

// leakAll starts what leaks in TestRealLeaks, one goroutine for each kind of wait. Nothing else knows what they wait for.
func leakAll() {
	go func() { <-make(chan int) }()
	for range 3 {
		go leakAtLock(new(lonely))
	}
	var wg sync.WaitGroup
	wg.Go(leakAtGroup)
	go func() {
		c := sync.NewCond(new(sync.Mutex))
		c.L.Lock()
		c.Wait()
	}()
}

// lonely is a lock with a block of memory for itself: one of eight bytes shares its block with other small values, and is
// reached as long as one of them is.
type lonely struct {
	sync.Mutex
	_ [2]uint64
}

func leakAtLock(mu *lonely) { mu.Lock(); mu.Lock() }

func leakAtGroup() {
	var wg sync.WaitGroup
	wg.Add(1)
	wg.Wait()
	runtime.KeepAlive(&wg)
}

// TestRealLeaks leaks goroutines and reads them. A build without the profile runs itself again in one that has it.
func TestRealLeaks(t *testing.T) {
	if !Available() {
		cmd := exec.Command("go", "test", "-count=1", "-run=^TestRealLeaks$", "-v", ".")
		cmd.Env = append(cmd.Environ(), "GOEXPERIMENT=goroutineleakprofile")
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("seen with the profile")) {
			t.Fatalf("in a build with the profile: %v\n%s", err, out)
		}
		return
	}
	leakOnce.Do(leakAll)
	held := make(chan int)
	go func() { <-held }()                                          // reachable: no leak
	s := New(Config{Interval: time.Nanosecond, CPU: 100, Stop: 10}) // as often as it is sampled
	want := []string{`wait="channel"}=1`, `wait="cond"}=1`, `wait="group"}=1`, `wait="lock"}=3`}
	var got []string
	for range 100_000 { // until all of them have come to where they wait
		got = got[:0]
		for name, n := range read(s) {
			if strings.HasPrefix(name, "leaked{") && n > 0 {
				if !strings.Contains(name, `site="goroutineleak.leakA`) {
					t.Errorf("%s does not name where the goroutine began", name)
				}
				got = append(got, name[strings.Index(name, "wait="):]+"="+strconv.FormatFloat(n, 'f', -1, 64))
			}
		}
		if slices.Sort(got); slices.Equal(got, want) {
			break
		}
		runtime.Gosched()
	}
	if !slices.Equal(got, want) {
		t.Errorf("leaks %v, want %v", got, want)
	}
	if n := pprof.Lookup("goroutineleak").Count(); n != 6 {
		t.Errorf("the profile itself counts %d leaks, want 6", n)
	}
	held <- 1
	t.Log("seen with the profile")
}

// TestAbsentProfileIsSaid: a build without the profile has no readings, rather than a 0 that means nothing.
func TestAbsentProfileIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		s.write = nil
		tick(s, time.Hour)
		if got := read(s); len(got) != 0 {
			t.Errorf("readings without a profile: %v, want none", got)
		}
	})
}

func TestSampleAllocatesNothing(t *testing.T) {
	s := New(Config{})
	s.write = func(*bytes.Buffer) error { return nil }
	s.last.Store(&outcome{leaks: s.sites.count([]byte("1 @ 0x1\n")), ended: time.Now()})
	var batch signals.Batch
	s.Sample(&batch)
	if n := testing.AllocsPerRun(100, func() { batch.Reset(); s.Sample(&batch) }); n != 0 || len(batch.Readings()) != kinds+3 {
		t.Errorf("Sample allocates %v times for %d readings, want 0 for %d", n, len(batch.Readings()), kinds+3)
	}
}

func BenchmarkSample(b *testing.B) {
	s := New(Config{})
	s.write = func(*bytes.Buffer) error { return nil }
	s.last.Store(&outcome{leaks: s.sites.count(nil), ended: time.Now()})
	var batch signals.Batch
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		s.Sample(&batch)
	}
}

// BenchmarkProfile takes profiles of a process with so many blocked goroutines, which are alive. It says what the
// source's own account of the cost is, beside the time of the call. Build it with GOEXPERIMENT=goroutineleakprofile.
func BenchmarkProfile(b *testing.B) {
	if !Available() {
		b.Skip("this build has no goroutineleak profile")
	}
	for _, n := range []int{10, 10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			release := make(chan int)
			var started, ended sync.WaitGroup
			started.Add(n)
			for range n {
				ended.Go(func() { started.Done(); <-release })
			}
			started.Wait()
			s := New(Config{})
			for b.Loop() {
				s.profile()
			}
			last := s.last.Load()
			b.ReportMetric(last.sum.cpu/float64(b.N)*1e9, "accounted-cpu-ns/op")
			b.ReportMetric(last.sum.stopped/float64(b.N)*1e9, "stopped-ns/op")
			b.ReportMetric(s.config.pause(last.cost).Seconds(), "next-in-s")
			close(release)
			ended.Wait()
		})
	}
}
