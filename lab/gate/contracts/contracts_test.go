package contracts

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/falsify/report"
	"github.com/falsifiable/stability/lab/gate"
)

const service = `package main

import (
	"log"
	"net/http"
	"os"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals/goruntime"
)

func main() {
	monitor := stability.Default()
	if err := monitor.Attach(goruntime.New()); err != nil {
		log.Fatal(err)
	}
	stability.RegisterContract(&stability.Contract{
		Name: "sla",
		Checks: []stability.Check{
			{Name: "goroutines", Expr: "runtime.NumGoroutine() > 500", Cause: "goroutineleak"},
			{Name: "odd", Expr: "go.thread.count > 300"},
		},
	})
	if err := monitor.Start(); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
`

// lay writes a repository of two modules: one has a service, the other nothing to prove.
func lay(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "-mod=mod -buildvcs=false")
	for name, content := range map[string]string{
		"go.mod":              "module example.com/repository\n\ngo 1.26.0\n",
		"tool/main.go":        "package main\n\nfunc main() {}\n",
		"service/go.mod":      "module example.com/service\n\ngo 1.26.0\n\nrequire github.com/falsifiable/stability v0.0.0\n\nreplace github.com/falsifiable/stability => " + root + "\n",
		"service/cmd/main.go": service,
	} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Every check of every service is found, wherever its module is; each that is not proven names its fault or says that there
// is none; and the proof of the check as it is, but of no other, ends the complaint.
func TestUnproven(t *testing.T) {
	dir := lay(t)
	g, err := Run(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if g.ExitCode() != gate.ExitFailed || len(g.Findings) != 2 {
		t.Fatalf("without a proof: %+v", g)
	}
	first, second := g.Findings[0], g.Findings[1]
	if first.File != "service/cmd/main.go" || first.Line != 20 || !strings.Contains(first.Message, "never falsified") || !strings.Contains(first.Mend, "its fault is goroutineleak") {
		t.Errorf("the first check: %+v", first)
	}
	if !strings.Contains(second.Mend, "threadleak") && !strings.Contains(second.Mend, "no fault is known") {
		t.Errorf("the second check: %+v", second)
	}

	proof := report.Proof{Tool: "stability falsify", Tier: "pr", Scale: 0.1}
	m := stability.NewMonitor(stability.Config{})
	contract := &stability.Contract{Name: "sla", Checks: []stability.Check{
		{Name: "goroutines", Expr: "runtime.NumGoroutine() > 500", Cause: "goroutineleak"},
		{Name: "odd", Expr: "go.thread.count > 300"},
	}}
	if err := m.Register(contract); err != nil {
		t.Fatal(err)
	}
	status, _ := m.Contract("sla")
	for _, k := range status.Checks {
		proof.Checks = append(proof.Checks, report.ProofCheck{Proof: stability.Proof{Contract: "sla", Check: k.Name, Hash: k.Hash, Verdict: stability.Proven}})
	}
	write := func() {
		content, err := json.Marshal(proof)
		if err := errors.Join(err, os.WriteFile(filepath.Join(dir, "service/cmd", report.ProofName), content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write()
	if g, err = Run(t.Context(), Config{Dir: dir}); err != nil || g.ExitCode() != gate.ExitPassed {
		t.Errorf("with the proof: %+v, %v", g, err)
	}
	proof.Checks[0].Hash = "of yesterday"
	write()
	if g, err = Run(t.Context(), Config{Dir: dir}); err != nil || len(g.Findings) != 1 || !strings.Contains(g.Findings[0].Message, "sla/goroutines has changed") {
		t.Errorf("with the proof of another expression: %+v, %v", g, err)
	}
}

// A repository without a contract has nothing that could pass.
func TestNothing(t *testing.T) {
	dir := lay(t)
	if err := os.RemoveAll(filepath.Join(dir, "service")); err != nil {
		t.Fatal(err)
	}
	g, err := Run(t.Context(), Config{Dir: dir})
	if err != nil || g.ExitCode() != gate.ExitOpen {
		t.Errorf("%+v, %v", g, err)
	}
}
