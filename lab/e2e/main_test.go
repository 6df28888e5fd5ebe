//go:build e2e

package e2e

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// scale hurries the contracts: their half minute takes half a second here, as under stability falsify.
const scale = 1.0 / 60

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
	case settingsRole:
		serveSettings()
		return
	case coldRole:
		serveCold()
		return
	case starterRole:
		startTogether()
		return
	default:
		playRole(role)
		return
	}
	for _, name := range []string{"E2E_POSTGRES", "E2E_REDIS"} {
		if os.Getenv(name) == "" {
			fmt.Fprintln(os.Stderr, "e2e:", name, "is not set; make e2e starts what these tests need")
			os.Exit(2)
		}
	}
	timescale.Set(scale)
	os.Exit(m.Run())
}

// observer watches one cause's contract in this process.
type observer struct {
	t       *testing.T
	monitor *stability.Monitor
	name    string
}

// watch starts a monitor of the cause's contract on those sources, until the test ends.
func watch(t *testing.T, c cause.Cause, sources ...signals.Source) *observer {
	t.Helper()
	m := stability.NewMonitor(stability.Config{Warmup: time.Second, Logger: slog.New(slog.DiscardHandler)})
	for _, s := range sources {
		if err := m.Attach(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Register(c.Contract()); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	return &observer{t, m, c.ID}
}

// check returns the cause's first check as it stands.
func (o *observer) check() stability.CheckStatus {
	status, _ := o.monitor.Contract(o.name)
	return status.Checks[0]
}

// await waits until the check is in that state, and returns it.
func (o *observer) await(state stability.State, limit time.Duration) stability.CheckStatus {
	o.t.Helper()
	var c stability.CheckStatus
	if !eventually(limit, func() bool { c = o.check(); return c.State == state }) {
		o.t.Fatalf("%s/%s is %v after %v, want %v: %s", o.name, c.Name, c.State, limit, state, c.Reason)
	}
	return c
}

// silent fails the test if the check fires within d, or could not be judged.
func (o *observer) silent(d time.Duration) {
	o.t.Helper()
	if eventually(d, func() bool { return o.check().Violations > 0 }) {
		o.t.Fatalf("%s fires with nothing wrong: %+v", o.name, o.check())
	}
	if c := o.check(); c.State == stability.Unknown {
		o.t.Fatalf("%s could not be judged, so its silence says nothing: %s", o.name, c.Reason)
	}
}

// violated returns the labels of the instances of the check that are violated.
func violated(c stability.CheckStatus) string {
	var all []string
	for _, i := range c.Instances {
		if i.State == stability.Violated {
			all = append(all, i.Labels.String())
		}
	}
	return strings.Join(all, " ")
}

// eventually calls so every few milliseconds until it returns true, or until the limit is over; then eventually returns
// false.
func eventually(limit time.Duration, so func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.Now().Add(limit)
	for !so() {
		if time.Now().After(end) {
			return false
		}
		<-tick.C
	}
	return true
}

// reading returns the last value of a signal's instance whose labels contain a text; false if there is none.
func (o *observer) reading(name, labels string) (float64, bool) {
	for _, v := range o.monitor.Signals() {
		if v.Name == name && strings.Contains(v.Instance.String(), labels) {
			return v.Value, true
		}
	}
	return 0, false
}
