//go:build e2e

package e2e

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/console"
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
	dom, complaints := browse(t, server.URL+"/")
	for _, want := range []string{"&lt;img src=x&gt;", `class="pill violated"`, "backlog", "queue.waiting &gt; 200", "&lt;script&gt;", "<path class=\"value\"", "pay &lt;b&gt;"} {
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

// browse returns the page as it is after some seconds, and what the browser's own console says.
func browse(t *testing.T, url string) (dom string, complaints []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--enable-logging=stderr", "--timeout=6000", "--dump-dom", url)
	var out, log strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("the browser: %v\n%s", err, log.String())
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "CONSOLE") {
			complaints = append(complaints, line)
		}
	}
	return out.String(), complaints
}
