package telemetry

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

// start returns a running monitor with a check that level > 10 violates. It must be called in a synctest bubble.
func start(t *testing.T, level *atomic.Int64, more ...signals.Source) *stability.Monitor {
	t.Helper()
	m := stability.NewMonitor(stability.Config{Warmup: -1, Logger: slog.New(slog.DiscardHandler)})
	sources := append([]signals.Source{signals.GaugeFunc("level", signals.Bytes, func() float64 { return float64(level.Load()) })}, more...)
	for _, s := range sources {
		if err := m.Attach(s); err != nil {
			t.Fatal(err)
		}
	}
	err := m.Register(&stability.Contract{
		Name: "payment", Interval: time.Second, Checks: []stability.Check{{Name: "level", Expr: "level > 10B", KeepFiringFor: time.Second}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	return m
}

func pass(d time.Duration) {
	<-time.After(d) // virtual: every caller runs in a synctest bubble
	synctest.Wait()
}

// page returns what a scrape of the monitor gets. The handler's time limit needs real goroutines, so it is made here.
func page(t *testing.T, m *stability.Monitor, others ...prometheus.Gatherer) string {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(m, others...).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("scraping: status %d, %v: %s", w.Code, err, body)
	}
	return string(body)
}

func wantLines(t *testing.T, page string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+page, "\n"+line+"\n") {
			t.Errorf("the page lacks %s", line)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}

func TestChecksAreExported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var level atomic.Int64
		level.Store(1)
		m := start(t, &level)
		pass(3500 * time.Millisecond)
		wantLines(t, page(t, m),
			`stability_check_state{check="level",contract="payment"} 1`,
			`stability_check_proven{check="level",contract="payment"} 0`,
			`stability_contract_violation_total{check="level",contract="payment"} 0`,
			`stability_monitor_stale 0`,
			`stability_monitor_last_tick_age_seconds 0.5`,
			`stability_monitor_ticks_total 4`,
			`stability_signal_level_bytes 1`,
			`stability_violation_count_total 0`)
		for range 2 {
			level.Store(11)
			pass(5 * time.Second)
			level.Store(1)
			pass(5 * time.Second)
		}
		level.Store(12)
		pass(5 * time.Second)
		wantLines(t, page(t, m),
			`stability_check_state{check="level",contract="payment"} 3`,
			`stability_contract_violation_total{check="level",contract="payment"} 3`,
			`stability_violation_count_total 3`)
	})
}

func TestHazard04DeadMonitorIsExportedAsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var level atomic.Int64
		level.Store(1)
		m := start(t, &level)
		pass(time.Second)
		m.Stop()
		pass(10 * time.Minute)
		got := page(t, m)
		wantLines(t, got, `stability_monitor_stale 1`)
		if strings.Contains(got, "stability_signal_level_bytes") {
			t.Error("a reading ten minutes old is exported as if it were of now")
		}
	})
}

func TestInstancesAreExportedByLabel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var level atomic.Int64
		level.Store(1)
		m := start(t, &level,
			signals.GaugeVecFunc("pool.in-use", signals.Count, []string{"db.pool"}, func(set signals.Set) {
				set(1, "orders")
				set(2, "bad\xffutf8\n")
			}),
			signals.CounterFunc("pool.in.use", signals.Count, func() float64 { return 9 }),         // another name
			signals.GaugeFunc("pool.in_use", signals.Count, func() float64 { return 3 }),           // the name is taken
			signals.GaugeFunc("stability.check.state", signals.Count, func() float64 { return 4 }), // reserved
			signals.TimeFunc("lastClose", func() time.Time { return time.Now().Add(-90 * time.Second) }),
			signals.CollectionFunc("streams", func() int { return 5 }))
		pass(1500 * time.Millisecond)
		got := page(t, m)
		wantLines(t, got,
			`stability_signal_pool_in_use{db_pool="orders"} 1`,
			`stability_signal_pool_in_use{db_pool="bad�utf8\n"} 2`,
			`stability_signal_pool_in_use_total 9`,
			`stability_signal_lastClose_age_seconds 90`,
			`stability_signal_streams_size 5`)
		if strings.Contains(got, "stability_signal_pool_in_use 3") || strings.Contains(got, "stability_check_state 4") {
			t.Errorf("a signal took the metric name of another:\n%s", got)
		}
		registry := prometheus.NewRegistry()
		registry.MustRegister(Collector(m))
		if _, err := registry.Gather(); err != nil {
			t.Errorf("gathering: %v", err)
		}
	})
}

func TestOtherGatherersAreServedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var level atomic.Int64
		level.Store(1)
		m := start(t, &level)
		pass(time.Second)
		own := prometheus.NewRegistry()
		paid := prometheus.NewCounter(prometheus.CounterOpts{Name: "payment_paid_total", Help: "Payments."})
		own.MustRegister(paid)
		broken := prometheus.NewRegistry()
		broken.MustRegister(Collector(m), prometheus.NewGauge(prometheus.GaugeOpts{Name: "payment_broken", Help: "Fine."}))
		wantLines(t, page(t, m, own, broken), `payment_paid_total 0`, `payment_broken 0`,
			`stability_check_state{check="level",contract="payment"} 1`)
	})
}

func TestEveryStandardSignalHasItsOwnName(t *testing.T) {
	owner := make(map[string]string)
	for _, d := range signals.Standard() {
		name := MetricName(d)
		if other, ok := owner[name]; ok {
			t.Errorf("%s and %s are both %s", d.Name, other, name)
		}
		owner[name] = d.Name
	}
}

func TestMetricName(t *testing.T) {
	for _, test := range []struct {
		desc signals.Desc
		want string
	}{
		{signals.Desc{Name: "go.memory.heap.live", Unit: signals.Bytes}, "stability_signal_go_memory_heap_live_bytes"},
		{signals.Desc{Name: "go.gc.cpu_ratio", Unit: signals.Ratio}, "stability_signal_go_gc_cpu_ratio"},
		{signals.Desc{Name: "process.cpu.time", Unit: signals.Seconds, Kind: signals.Counter}, "stability_signal_process_cpu_time_seconds_total"},
		{signals.Desc{Name: "go.goroutine.count"}, "stability_signal_go_goroutine_count"},
		{signals.Desc{Name: "stability.tick.cost", Unit: signals.Seconds}, "stability_tick_cost_seconds"},
		{signals.Desc{Name: "2nd queue/größe"}, "stability_signal__nd_queue_gr____e"},
	} {
		if got := MetricName(test.desc); got != test.want {
			t.Errorf("MetricName(%s) = %s, want %s", test.desc.Name, got, test.want)
		}
	}
}

func BenchmarkCollect(b *testing.B) {
	m := stability.NewMonitor(stability.Config{Warmup: -1})
	if err := m.Start(); err != nil {
		b.Fatal(err)
	}
	defer m.Stop()
	c, out := Collector(m), make(chan prometheus.Metric, 1000)
	b.ReportAllocs()
	for b.Loop() {
		c.Collect(out)
		for len(out) > 0 {
			<-out
		}
	}
}
