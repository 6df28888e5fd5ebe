//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/console"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/evidence/goroutines"
	"github.com/falsifiable/stability/evidence/profile"
	"github.com/falsifiable/stability/lab/internal/browser"
	"github.com/falsifiable/stability/signals"
)

// The console in a real browser: it loads, fills from the events, shows a violation, takes nothing from a name as markup, and
// makes the browser complain of nothing.
func TestConsoleInABrowser(t *testing.T) {
	m := stability.NewMonitor(stability.Config{Service: "pay <b>", Warmup: -1, SampleInterval: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	if err := m.Attach(signals.GaugeVecFunc("queue.waiting", signals.Count, []string{"queue"}, func(set signals.Set) {
		set(250, "<script>document.title='owned'</script>")
		set(10, "mail")
	})); err != nil {
		t.Fatal(err)
	}
	if err := m.Register(&stability.Contract{Name: "<img src=x>", Interval: 50 * time.Millisecond, Checks: []stability.Check{{Name: "backlog", Expr: "queue.waiting > 200"}}}); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	server := httptest.NewServer(console.Handler(m, console.Config{}))
	t.Cleanup(server.CloseClientConnections)
	dom, complaints := browse(t, server.URL+"/", `class="pill violated"`, browser.View{})
	for _, want := range []string{"&lt;img src=x&gt;", `class="pill violated"`, "backlog", "queue.waiting &gt; 200", "&lt;script&gt;", `<path class="value"`, "pay &lt;b&gt;"} {
		if !strings.Contains(dom, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(dom, "<title>owned") || strings.Contains(dom, "<img") {
		t.Error("a name was taken as markup")
	}
	for _, c := range complaints {
		t.Errorf("the browser says: %s", c)
	}
	if t.Failed() {
		t.Log(dom)
	}
}

// A link to a profile opens it as a flame graph, drawn by the browser and without a complaint of it.
func TestFlameInABrowser(t *testing.T) {
	held := make([][]byte, 64)
	for i := range held {
		held[i] = make([]byte, 1<<20)
	}
	runtime.GC() // a heap profile is of the last collection
	defer runtime.KeepAlive(held)
	saver, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Kinds: []evidence.Kind{profile.Heap{}}})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := saver.Capture(t.Context(), evidence.Request{Key: "sla/heap", Documents: map[string]evidence.Document{}})
	if err != nil {
		t.Fatal(err)
	}
	m := stability.NewMonitor(stability.Config{Service: "pay", Warmup: -1, Logger: slog.New(slog.DiscardHandler)})
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	server := httptest.NewServer(console.Handler(m, console.Config{EvidenceDir: saver.Dir()}))
	t.Cleanup(server.CloseClientConnections)
	dom, complaints := browse(t, server.URL+"/#"+bundle.ID+"/heap.pb.gz", `class="flame"`, browser.View{})
	for _, want := range []string{`class="flame"`, "heap.pb.gz: inuse_space", "testing.tRunner"} {
		if !strings.Contains(dom, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, c := range complaints {
		t.Errorf("the browser says: %s", c)
	}
	if t.Failed() {
		t.Log(dom)
	}
}

// A link to a bundle's goroutines shows their groups, on a wide light screen and a narrow dark one; the timeline shows what a defense did, and
// the check what its cause is.
func TestGroupsInABrowser(t *testing.T) {
	park(t)
	saver, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Kinds: []evidence.Kind{goroutines.Stacks{}}})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := saver.Capture(t.Context(), evidence.Request{Key: "sla/<i>", Documents: map[string]evidence.Document{}})
	if err != nil {
		t.Fatal(err)
	}
	m := stability.NewMonitor(stability.Config{Service: "pay", Warmup: -1, SampleInterval: 50 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	steps := 0.0
	if err := errors.Join(m.Attach(signals.GaugeFunc("gcpacer.percent", signals.Count, func() float64 { steps++; return 100 + steps })),
		m.Register(&stability.Contract{Name: "sla", Checks: []stability.Check{{Name: "gc", Expr: "gcpacer.percent > 1e9", Cause: "gcstorm"}}}), m.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	server := httptest.NewServer(console.Handler(m, console.Config{EvidenceDir: saver.Dir(), Describe: catalogue.Describe}))
	t.Cleanup(server.CloseClientConnections)
	for _, v := range []browser.View{{}, {Width: 500, Dark: true}} {
		dom, complaints := browse(t, server.URL+"/#"+bundle.ID+"/goroutines", `class="bundle group"`, v)
		for _, want := range []string{`class="bundle group"`, "120 × chan receive", "(goroutineleak)", `class="here"`, `class="pill deed"`, "GC pacer: GOGC", `class="why"`, "sla/&lt;i&gt;"} {
			if !strings.Contains(dom, want) {
				t.Errorf("%+v: the page lacks %s", v, want)
			}
		}
		for _, c := range complaints {
			t.Errorf("%+v: the browser says: %s", v, c)
		}
		if t.Failed() {
			t.Log(dom)
		}
	}
}

// park starts 120 goroutines that wait for a channel until the test ends, and returns when all of them do.
func park(t *testing.T) {
	t.Helper()
	never := make(chan int)
	for range 120 {
		go func() { <-never }()
	}
	t.Cleanup(func() { close(never) })
	waiting := func() bool { // all of them: one that was started may be on its way there for a while
		stacks := make([]byte, 1<<20)
		d, err := goroutines.Parse(bytes.NewReader(stacks[:runtime.Stack(stacks, true)]))
		return err == nil && slices.ContainsFunc(d.Stacks, func(s goroutines.Stack) bool { return s.Count == 120 && s.State == goroutines.ChanReceive })
	}
	if !eventually(20*time.Second, waiting) {
		t.Fatal("the goroutines do not come to their channel")
	}
}

// browse returns the page once a text is in it, and what the browser's own console says. The browser writes the page down after four
// seconds of its own time, in which on a busy machine not all may have come: it is asked again.
func browse(t *testing.T, url, until string, v browser.View) (dom string, complaints []string) {
	t.Helper()
	for range 4 {
		var err error
		if dom, complaints, err = browser.DOM(t.Context(), url, v); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(dom, until) {
			break
		}
	}
	return dom, complaints
}
