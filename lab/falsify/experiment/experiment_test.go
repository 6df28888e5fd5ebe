package experiment

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const full = `
address_env: [PAYMENT_ADDR]
args: [-v]
env: {LOG: none}
ready: /readyz
load:
  rate: 80
  timeout: 2s
  targets:
    - {method: POST, path: /pay, weight: 3, header: {Content-Type: application/json}, body: '{"id": "${n}"}'}
    - {path: "/orders/1"}
dependencies:
  risk: {env: RISK_URL, value: "http://${address}", command: ["${service}", -risk, "${address}"]}
checks:
  goroutines:
    fault: goroutineleak
    params: {rate: 2000, where: select}
    deadline: 90s
    collateral: [growth]
  latency:
    fault: latency
    dependency: risk
    params: {delay: 300ms}
    alone: true
causes:
  gcstorm: {deadline: 4m, load: {rate: 20}}
`

func TestParse(t *testing.T) {
	e, err := Parse("falsify.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	p := e.Checks["goroutines"]
	if p.Fault.Text != "goroutineleak" || p.Fault.Line != 16 || p.Fault.Column != 12 || p.Params["rate"] != "2000" || p.Deadline != Duration(90*time.Second) {
		t.Errorf("goroutines: %+v", p)
	}
	if e.Load.Rate != 80 || len(e.Load.Targets) != 2 || e.Load.Targets[0].Body != `{"id": "${n}"}` || e.Dependencies["risk"].Command[1] != "-risk" {
		t.Errorf("experiment: %+v", e)
	}
	merged := e.Load.Merge(e.Causes["gcstorm"].Load)
	if merged.Rate != 20 || len(merged.Targets) != 2 || merged.Timeout != Duration(2*time.Second) {
		t.Errorf("merged load: %+v", merged)
	}
}

func TestComplaints(t *testing.T) {
	for _, tt := range []struct{ name, content, want string }{
		{"unknown field", "load:\n  rat: 80\n", `falsify.yaml:2:3: there is no field "rat"; did you mean "rate"? Known: rate, targets, timeout`},
		{"unknown field in a list", "load:\n  targets:\n    - {method: GET, paht: /x}\n", `falsify.yaml:3:21: there is no field "paht"; did you mean "path"?`},
		{"unknown field in a map", "checks:\n  a:\n    falt: x\n", `falsify.yaml:3:5: there is no field "falt"; did you mean "fault"?`},
		{"far from anything", "zzzzzzzz: 1\n", `falsify.yaml:1:1: there is no field "zzzzzzzz". Known: address_env`},
		{"bad size", "cgroup: {memory: 5}\n", `falsify.yaml:1:18: "5" is not a size such as 256MiB`},
		{"bad duration", "load: {timeout: 5}\n", `falsify.yaml:1:17: "5" is not a duration such as 90s or 5m`},
		{"bad type", "load: {rate: fast}\n", `falsify.yaml:1:14: "fast" stands where a number should be`},
		{"bad shape", "checks:\n  a: {fault: x, collateral: {b: c}}\n", `falsify.yaml:2:29: a mapping stands where a list, as [a, b] should be`},
		{"no section", "load: 5\n", `falsify.yaml:1:7: "5" stands where fields, as {field: value} should be`},
		{"not yaml", "a: b: c\n", "reading falsify.yaml"},
		{"unknown dependency", "dependencies:\n  risk: {env: R, upstream: 'h:1'}\nchecks:\n  a: {fault: latency, dependency: rsik}\n",
			`falsify.yaml:4:35: there is no dependency "rsik"; did you mean "risk"?`},
		{"dependency without env", "dependencies:\n  risk: {upstream: 'h:1'}\n", `falsify.yaml:2:9: dependency "risk": env is missing`},
		{"dependency with both", "dependencies:\n  risk: {env: R, upstream: 'h:1', command: [x]}\n", "give either upstream or command"},
		{"dependency without fault", "dependencies:\n  risk: {env: R, upstream: 'h:1'}\nchecks:\n  a: {dependency: risk}\n", "names a dependency but no fault"},
		{"gRPC and a path", "load: {targets: [{path: /x, grpc: a.B/C}]}\n", "falsify.yaml:1:35: a target with grpc has no method"},
		{"a flag of ours", "build: {flags: [-race, -o=x]}\n", `"-o=x" is not a flag of go build that can be set here`},
		{"no flag", "build: {flags: [x]}\n", `"x" is not a flag`},
		{"negative rate", "load: {rate: -1}\n", "falsify.yaml:1:14: a rate of -1"},
	} {
		_, err := Parse("falsify.yaml", []byte(tt.content))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

func TestEveryMistakeIsReported(t *testing.T) {
	_, err := Parse("f", []byte("one: 1\ntwo: 2\n"))
	if err == nil || !strings.Contains(err.Error(), "f:1:1") || !strings.Contains(err.Error(), "f:2:1") {
		t.Errorf("got %v, want both", err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	if e, err := Find(dir, ""); err != nil || e.Path != "" {
		t.Errorf("no file: %+v, %v; want the defaults", e, err)
	}
	if _, err := Find(dir, filepath.Join(dir, "named.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a named file that is not there: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, FileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err := Find(dir, ""); err != nil || e.Path == "" {
		t.Errorf("an empty file: %+v, %v", e, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("checks: {a: {fault: [x]}}"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if e, err := Parse("f", content); err == nil && e == nil {
			t.Error("neither an experiment nor an error")
		}
	})
}

// The main package and the working folder are relative to the file, wherever that is.
func TestPlace(t *testing.T) {
	for _, tt := range []struct{ content, main, work string }{
		{"rate: 1", "svc", "svc"},
		{"package: ./cmd/pay", "home/cmd/pay", "home/cmd/pay"},
		{"{package: cmd/pay, workdir: .}", "home/cmd/pay", "home"},
		{"workdir: /data", "svc", "/data"},
	} {
		e := &Experiment{Path: filepath.Join("home", FileName)}
		if strings.HasPrefix(tt.content, "rate") {
			e = &Experiment{}
		} else if parsed, err := Parse(e.Path, []byte(tt.content)); err != nil {
			t.Fatal(err)
		} else {
			e = parsed
		}
		if main, work := e.Place("svc"); main != tt.main || work != tt.work {
			t.Errorf("%s: %s, %s; want %s, %s", tt.content, main, work, tt.main, tt.work)
		}
	}
}
