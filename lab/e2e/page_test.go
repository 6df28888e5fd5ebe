//go:build e2e

package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
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

// The page on a wide screen and on a phone, light and dark, in English and in Chinese, filled with what it can show: nothing is wider than the
// screen, nothing moves while a violation comes and goes, the keyboard reaches what the mouse does, and the browser complains of nothing.
// E2E_PICTURES=FOLDER saves what it looks like.
func TestThePageForPeople(t *testing.T) {
	url, level := crowdedConsole(t)
	for _, v := range []browser.View{{}, {Dark: true}, {Width: 390, Height: 844}, {Width: 390, Height: 844, Dark: true}} {
		t.Run(fmt.Sprintf("%d pixels, dark %t", cmp.Or(v.Width, 1400), v.Dark), func(t *testing.T) {
			level.Store(1)
			p := openPage(t, url, v)
			until(t, p, `document.querySelectorAll(".group").length > 0 && document.querySelectorAll(".flame g").length > 0`)
			fits(t, p, v, "en")
			staysInPlace(t, p, level)
			keys(t, p)
			until(t, p, `(document.getElementById("language").click(), document.documentElement.lang === "zh" || null)`)
			fits(t, p, v, "zh")
			for _, c := range p.Complaints() {
				t.Errorf("the browser says: %s", c)
			}
		})
	}
}

// crowdedConsole serves a page with much on it, linked to the goroutines of a bundle, and returns what may be set to violate.
func crowdedConsole(t *testing.T) (url string, level *atomic.Int64) {
	t.Helper()
	park(t)
	held := make([]byte, 64<<20)
	t.Cleanup(func() { runtime.KeepAlive(held) })
	runtime.GC() // a heap profile is of the last collection
	saver, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Cooldown: -1, Spacing: -1, Logger: slog.New(slog.DiscardHandler), Kinds: []evidence.Kind{goroutines.Stacks{}, profile.Heap{}}})
	if err != nil {
		t.Fatal(err)
	}
	var oldest string
	for i := range 22 {
		b, err := saver.Capture(t.Context(), evidence.Request{Key: fmt.Sprintf("payment-stability-sla/goroutines-of-a-long-name-%d", i), Documents: map[string]evidence.Document{}})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			oldest = b.ID
		}
	}
	level = new(atomic.Int64)
	steps := 0.0
	m := stability.NewMonitor(stability.Config{Service: "payment", Warmup: -1, SampleInterval: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	if err := errors.Join(
		m.Attach(signals.GaugeFunc("level", signals.Count, func() float64 { return float64(level.Load()) })),
		m.Attach(signals.GaugeFunc("gcpacer.percent", signals.Count, func() float64 { steps++; return 100 + float64(int(steps)/20%3) })),
		m.Attach(signals.GaugeVecFunc("queue.waiting", signals.Count, []string{"queue"}, func(set signals.Set) {
			set(250, "POST /api/v1/customers/{customer}/orders/{order}/payments/{payment}")
			set(10, "mail")
		})),
		m.Register(&stability.Contract{Name: "payment-stability-sla", Interval: 200 * time.Millisecond, Checks: []stability.Check{
			{Name: "level", Expr: "level > 10", Cause: "goroutineleak"}, {Name: "gc-pressure", Expr: "gcpacer.percent > 1e9", Cause: "gcstorm"}}}),
		m.Register(&stability.Contract{Name: "queues", Interval: 200 * time.Millisecond, Checks: []stability.Check{{Name: "backlog", Expr: "queue.waiting > 1e6", Cause: "slowdown"}}}),
		m.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	h := console.Handler(m, console.Config{EvidenceDir: saver.Dir(), Pprof: true, Describe: catalogue.Describe})
	server := httptest.NewServer(h)
	t.Cleanup(server.CloseClientConnections)
	return server.URL + "/#" + oldest + "/heap.pb.gz", level
}

// staysInPlace checks that nothing moves while a violation comes and goes, and nobody touches the page.
func staysInPlace(t *testing.T, p *browser.Page, level *atomic.Int64) {
	t.Helper()
	until(t, p, `document.getElementById("overall").textContent === "holding"`)
	until(t, p, painted)
	if err := p.Eval(`(shift = 0, true)`, new(bool)); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		level int64
		state string
	}{{11, "violated"}, {1, "holding"}} {
		level.Store(step.level)
		until(t, p, fmt.Sprintf(`document.getElementById("overall").textContent === %q`, step.state))
	}
	until(t, p, painted)
	var shift float64
	if err := p.Eval("shift", &shift); err != nil || shift > 0.001 {
		t.Errorf("the page has moved by %g of itself, %v", shift, err)
	}
}

// painted is true when what has been drawn by now is on the screen, and what has moved by it is known, or after 3 s: a frame may be late
// on a busy machine.
const painted = `new Promise(done => {
	setTimeout(() => done(true), 3000);
	requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(true), 100)));
})`

// watchShifts adds up how much of the page has moved by itself.
const watchShifts = `var shift = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) shift += e.value }).observe({type: "layout-shift", buffered: true})`

// openPage opens the page, and then the groups of goroutines of the bundle to which it is linked.
func openPage(t *testing.T, url string, v browser.View) (p *browser.Page) {
	t.Helper()
	var err error
	for range 4 { // a browser that starts on a busy machine may give up
		if p, err = browser.Open(t.Context(), url, v, watchShifts); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	until(t, p, `document.querySelectorAll(".flame g").length > 0`)
	goroutines := strings.Replace(url[strings.Index(url, "#"):], "heap.pb.gz", "goroutines", 1)
	if err := p.Eval(fmt.Sprintf(`(location.hash = %q, true)`, goroutines), new(bool)); err != nil {
		t.Fatal(err)
	}
	until(t, p, `document.querySelectorAll(".group").length > 0`)
	return p
}

// until asks the page again and again until the answer is yes.
func until(t *testing.T, p *browser.Page, expression string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		var yes *bool
		if err := p.Eval(expression, &yes); err != nil {
			t.Fatal(err)
		}
		if yes != nil && *yes {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
	var text string
	_ = p.Eval("document.body.innerText", &text)
	t.Fatalf("not so within a minute: %s\nthe page reads %s", expression, text)
}

// fits checks that nothing has to be scrolled sideways but what has its own bar, and saves a picture if somebody wants one.
func fits(t *testing.T, p *browser.Page, v browser.View, language string) {
	t.Helper()
	width := cmp.Or(v.Width, 1400)
	var wide []string
	if err := p.Eval(fmt.Sprintf(`[...document.querySelectorAll("body, body *")].filter(e => !e.closest(".flame, pre") && e.getBoundingClientRect().right > %d + 1).map(e => e.tagName + "." + e.className + "#" + e.id)`, width), &wide); err != nil || len(wide) > 0 {
		t.Errorf("%s: wider than the screen: %v, %v", language, wide, err)
	}
	var whole int
	if err := p.Eval(`document.documentElement.scrollWidth`, &whole); err != nil || whole > width {
		t.Errorf("%s: the page has %d pixels, %v", language, whole, err)
	}
	if dir := os.Getenv("E2E_PICTURES"); dir != "" {
		if err := p.Picture(filepath.Join(dir, fmt.Sprintf("%d-%t-%s.png", width, v.Dark, language))); err != nil {
			t.Error(err)
		}
	}
}

// keys goes through the page by keyboard alone: what has the focus is seen to have it, the filter filters, and a contract closes and opens.
func keys(t *testing.T, p *browser.Page) {
	t.Helper()
	press := func(all ...string) {
		t.Helper()
		for _, key := range all {
			if err := p.Press(key); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := p.Eval(`(document.activeElement.blur(), scrollTo(0, 0), document.getElementById("filter").focus(), true)`, new(bool)); err != nil {
		t.Fatal(err)
	}
	press("q", "u", "e")
	until(t, p, `document.querySelectorAll("details.contract").length === 1`)
	press("Tab", " ") // only what is in trouble: of these nothing
	until(t, p, `document.querySelectorAll("details.contract").length === 0`)
	press(" ", "Tab", "Tab") // past the language to the contract
	until(t, p, `document.activeElement.tagName === "SUMMARY" && getComputedStyle(document.activeElement).outlineStyle !== "none"`)
	press("Enter")
	until(t, p, `!document.querySelector("details.contract").open`)
	press("Enter")
	until(t, p, `document.querySelector("details.contract").open`)
	if err := p.Eval(`(document.getElementById("filter").value = "", document.activeElement.blur(), true)`, new(bool)); err != nil {
		t.Fatal(err)
	}
}
