package contractfile

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/defense/hotconfig"
	"github.com/falsifiable/stability/signals"
)

const first = `contracts:
  - name: pools
    interval: 10s
    checks:
      - name: waiting
        expr: waiting > 10
        for: 30s
`

func newMonitor(t *testing.T) *stability.Monitor {
	t.Helper()
	m := stability.NewMonitor(stability.Config{Logger: slog.New(slog.DiscardHandler)})
	if err := m.Attach(signals.GaugeFunc("waiting", signals.Count, func() float64 { return 0 })); err != nil {
		t.Fatal(err)
	}
	return m
}

func options() Options {
	return Options{Config: hotconfig.Options[File]{
		Debounce: 5 * time.Millisecond, Poll: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}}
}

// write replaces the file as editors do.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func watch(t *testing.T, m *stability.Monitor, content string, o Options) (path string, v *hotconfig.Value[File]) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "contracts.yaml")
	write(t, path, content)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	v, err := Watch(ctx, m, path, o)
	if err != nil {
		t.Fatal(err)
	}
	return path, v
}

// shape tells what a monitor watches in one line.
func shape(m *stability.Monitor) string {
	var all []string
	for _, c := range m.Contracts() {
		for _, k := range c.Checks {
			all = append(all, fmt.Sprintf("%s/%s: %s for %v", c.Name, k.Name, k.Expr, k.For))
		}
	}
	return strings.Join(all, "; ")
}

func TestWatch(t *testing.T) {
	m := newMonitor(t)
	own := &stability.Contract{Name: "threads", Checks: []stability.Check{{Name: "many", Expr: "runtime.NumGoroutine() > 2000"}}}
	if err := m.Register(own); err != nil {
		t.Fatal(err)
	}
	path, v := watch(t, m, first, options())
	const code = "threads/many: runtime.NumGoroutine() > 2000 for 0s"
	if got, want := shape(m), code+"; pools/waiting: waiting > 10 for 30s"; got != want {
		t.Fatalf("watched: %s; want %s", got, want)
	}
	write(t, path, strings.Replace(first, "10\n        for: 30s", "20", 1)+`  - name: threads
    checks:
      - {name: many, expr: runtime.NumGoroutine() > 3000}
`)
	if err := v.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := shape(m), "threads/many: runtime.NumGoroutine() > 3000 for 0s; pools/waiting: waiting > 20 for 0s"; got != want {
		t.Errorf("after a change, in the place of the program's own too: %s; want %s", got, want)
	}
	write(t, path, strings.Replace(first, "name: pools", "name: queues", 1))
	if err := v.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := shape(m), code+"; queues/waiting: waiting > 10 for 30s"; got != want {
		t.Errorf("what is no longer in the file is gone, and the program's own is back: %s; want %s", got, want)
	}
}

// What the operator renders of a contract, which is not of this module, is read as it is meant.
func TestWhatTheOperatorRenders(t *testing.T) {
	m := stability.NewMonitor(stability.Config{Logger: slog.New(slog.DiscardHandler)})
	o := options()
	o.EnforceUnproven = "a test"
	if _, err := Watch(t.Context(), m, "../../../operator/internal/contracts/testdata/contracts.yaml", o); err != nil {
		t.Fatal(err)
	}
	if got, want := shape(m), "pay/leak: go.goroutine.count > 1000 && go.goroutine.count < 1e9 for 1m0s"; got != want {
		t.Errorf("watched: %s; want %s", got, want)
	}
}

// A file with an error changes nothing, and the error says where it is.
func TestWatchRefuses(t *testing.T) {
	for name, test := range map[string]struct{ content, want string }{
		"a signal that is not there": {strings.Replace(first, "waiting > 10", "wating > 10", 1), "contracts.yaml:6:15: stability: contract \"pools\": check \"waiting\": expr: compiling: 1:1"},
		"an unknown key":             {strings.Replace(first, "for:", "four:", 1), "contracts.yaml:7:9: there is no key \"contracts[0].checks[0].four\" here; did you mean \"for\""},
		"no duration":                {strings.Replace(first, "30s", "soon", 1), "contracts.yaml:7:14"},
		"a contract twice":           {first + strings.TrimPrefix(first, "contracts:\n"), "contract \"pools\" is there twice"},
		"enforced without proof":     {strings.Replace(first, "interval", "mode: enforce\n    interval", 1), "check \"waiting\" is not proven"},
		"no checks":                  {"contracts: [{name: x}]\n", "contracts.yaml:1:13"},
		"empty":                      {"", "contracts.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMonitor(t)
			path, v := watch(t, m, first, options())
			before := shape(m)
			write(t, path, test.content)
			_ = v.Reload(t.Context()) // what it says is in the status too
			if got := v.Status().Error; !strings.Contains(got, test.want) {
				t.Errorf("the error is %s\nwant %q in it", got, test.want)
			}
			if got := shape(m); got != before {
				t.Errorf("watched: %s; want %s", got, before)
			}

			fresh := newMonitor(t)
			bad := filepath.Join(t.TempDir(), "contracts.yaml")
			write(t, bad, test.content)
			if _, err := Watch(t.Context(), fresh, bad, options()); err == nil || !strings.Contains(err.Error(), test.want) || shape(fresh) != "" {
				t.Errorf("to begin with: %v, watched: %s", err, shape(fresh))
			}
		})
	}
}

// What is proven may be enforced, and so may what is not, for a reason.
func TestWatchEnforces(t *testing.T) {
	content := strings.Replace(first, "interval", "mode: enforce\n    interval", 1)
	m := newMonitor(t)
	o := options()
	o.EnforceUnproven = "a drill"
	watch(t, m, content, o)
	status, _ := m.Contract("pools")
	if status.Mode != stability.Enforce {
		t.Errorf("with a reason the contract is in mode %v", status.Mode)
	}
	o = options()
	o.Falsification = fmt.Appendf(nil, `{"checks":[{"contract":"pools","check":"waiting","hash":%q,"verdict":"proven"}]}`, status.Checks[0].Hash)
	m = newMonitor(t)
	watch(t, m, content, o)
	if status, _ = m.Contract("pools"); status.Mode != stability.Enforce || !status.Checks[0].Proven {
		t.Errorf("with its proof the contract is %+v", status)
	}
}
