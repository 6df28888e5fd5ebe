//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/falsifiable/stability/internal/servers"
	"github.com/falsifiable/stability/lab/falsify/build"
	"github.com/falsifiable/stability/lab/falsify/process"
)

// follower is an instance with a configuration file of its own.
type follower struct{ address, file string }

// write replaces the file.
func (f follower) write(t *testing.T, pool int) {
	t.Helper()
	if err := errors.Join(os.WriteFile(f.file+".new", fmt.Appendf(nil, "pool: %d\n", pool), 0o600), os.Rename(f.file+".new", f.file)); err != nil {
		t.Fatal(err)
	}
}

func startFollowers(t *testing.T, n int) (all []follower) {
	t.Helper()
	dir := t.TempDir()
	program, err := build.Build(t.Context(), "testdata/follower", dir, build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		f := follower{freeAddress(t), filepath.Join(dir, fmt.Sprint(i), "limits.yaml")}
		if err := os.Mkdir(filepath.Dir(f.file), 0o700); err != nil {
			t.Fatal(err)
		}
		f.write(t, 50)
		p, err := process.Start(t.Context(), process.Config{Path: program.Binary, Args: []string{f.file}, Address: f.address, ReadyPath: "/metrics", Env: []string{"ADDR=" + f.address}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		all = append(all, f)
	}
	return all
}

// alertOf returns the state of an alert in a Prometheus with our rules: "inactive", "pending" or "firing"; "" while it cannot be told.
func alertOf(prometheus *servers.Server, name string) string {
	answer, err := http.Get("http://" + prometheus.Address + "/api/v1/rules?type=alert")
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	var rules struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, State string }
			}
		}
	}
	if json.NewDecoder(answer.Body).Decode(&rules) != nil {
		return ""
	}
	for _, g := range rules.Data.Groups {
		for _, r := range g.Rules {
			if r.Name == name {
				return r.State
			}
		}
	}
	return ""
}

// series returns how many series a Prometheus has for an expression.
func series(prometheus *servers.Server, expr string) int {
	answer, err := http.Get("http://" + prometheus.Address + "/api/v1/query?query=" + expr)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	var result struct {
		Data struct{ Result []json.RawMessage }
	}
	if json.NewDecoder(answer.Body).Decode(&result) != nil {
		return 0
	}
	return len(result.Data.Result)
}

// A real Prometheus with the rules that we ship finds that one instance of a fleet keeps the old configuration, and that it has
// followed. That the alert fires only after a rollout's time is tried by TestPrometheusRules.
func TestFleetOfConfigurations(t *testing.T) {
	const alert = "StabilityConfigurationsDiffer"
	followers := startFollowers(t, 3)
	var targets []string
	for _, f := range followers {
		targets = append(targets, f.address)
	}
	rules, err := filepath.Abs("../../deploy/prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	prometheus, err := servers.Prometheus(t.Context(), t.TempDir(), targets, time.Second, fmt.Sprintf("rule_files: [%q]\n", rules))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(prometheus.Stop)
	await := func(what string, so func() bool) {
		t.Helper()
		if !eventually(2*time.Minute, so) {
			t.Fatalf("%s: not within two minutes; the alert is %q", what, alertOf(prometheus, alert))
		}
	}
	await("three instances with one configuration", func() bool {
		return series(prometheus, "stability_signal_config_hash") == 3 && alertOf(prometheus, alert) == "inactive"
	})
	followers[0].write(t, 60)
	followers[1].write(t, 60)
	await("the third keeps the old one, and the rule finds it", func() bool { return alertOf(prometheus, alert) == "pending" })
	followers[2].write(t, 60)
	await("all have the new one", func() bool { return alertOf(prometheus, alert) == "inactive" })
	if n := series(prometheus, "stability_signal_config_generation==2"); n != 3 {
		t.Errorf("%d of 3 instances are at their second generation", n)
	}
}
