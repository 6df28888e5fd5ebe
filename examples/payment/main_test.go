package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asPayment makes the test binary be the service: the process is what these tests are about, and the default monitor
// is started once in a process.
const asPayment = "PAYMENT_TEST_AS_SERVICE"

func TestMain(m *testing.M) {
	if os.Getenv(asPayment) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process is a running service.
type process struct {
	cmd  *exec.Cmd
	url  string
	logs *bufio.Scanner
}

// start runs the service until the test ends, and returns when it has logged what it serves, under that attribute.
func start(t *testing.T, attribute string, args ...string) *process {
	t.Helper()
	p := &process{cmd: command(t, args...)}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill() // it may have ended already
		p.cmd.Wait()
	})
	p.logs = bufio.NewScanner(stderr)
	p.url = p.logged(t, attribute)
	return p
}

func command(t *testing.T, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asPayment+"=true", "TMPDIR="+t.TempDir(),
		"DATABASE_URL=", "REDIS_URL=", "RISK_URL=", "PAYMENT_ADDR=")
	return cmd
}

// logged returns the attribute of the next log line that has it.
func (p *process) logged(t *testing.T, attribute string) string {
	t.Helper()
	for p.logs.Scan() {
		var line map[string]any
		if err := json.Unmarshal(p.logs.Bytes(), &line); err != nil {
			t.Fatalf("a log line is no JSON: %s", p.logs.Text())
		}
		if value, ok := line[attribute].(string); ok {
			return value
		}
	}
	t.Fatalf("the service ended and never logged %q", attribute)
	return ""
}

// stop asks the service to end and returns how it did.
func (p *process) stop(t *testing.T) error {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for p.logs.Scan() { // to the end, or Wait would close the pipe under its writer
	}
	return p.cmd.Wait()
}

func TestProcess(t *testing.T) {
	p := start(t, "addr", "-addr", "127.0.0.1:0")
	base := "http://" + p.url
	for path, want := range map[string]string{
		"/metrics": "stability_check_state",
		"/livez":   "",
		"/healthz?contract=payment-stability-sla": "payment-stability-sla",
		"/debug/stability/":                       "",
	} {
		response, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s answered %s (%v), want 200 and %q in\n%.400s", path, response.Status, err, want, body)
		}
	}
	request, err := http.NewRequest("POST", base+"/pay", strings.NewReader(`{"account":"a-1","amount":1299,"currency":"EUR"}`))
	if err != nil {
		t.Fatal(err)
	}
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	request.Header.Set("Traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Errorf("a payment was answered %s, want 201", response.Status)
	}
	if got := p.logged(t, "trace_id"); got != traceID {
		t.Errorf("the payment was logged with trace %s, want the client's, %s", got, traceID)
	}
	if err := p.stop(t); err != nil {
		t.Errorf("after SIGTERM it ended with %v", err)
	}
	left, err := os.ReadDir(environment(p.cmd, "TMPDIR"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range left {
		if strings.HasPrefix(file.Name(), "payment-") {
			t.Errorf("its database is still there: %s", file.Name())
		}
	}
}

func environment(cmd *exec.Cmd, name string) string {
	for _, setting := range cmd.Env {
		if value, ok := strings.CutPrefix(setting, name+"="); ok {
			return value
		}
	}
	return ""
}

func TestStandinsAlone(t *testing.T) {
	standins := start(t, "url", "-risk", "127.0.0.1:0", "-redis", "127.0.0.1:0")
	risk, redis := standins.url, standins.logged(t, "url")
	if !strings.HasPrefix(risk, "http://") || !strings.HasPrefix(redis, "redis://") {
		t.Fatalf("they serve %q and %q", risk, redis)
	}
	service := newTestService(t, config{riskURL: risk, redisURL: redis})
	response, order := service.pay(t, payRequest("k-1", 1299))
	if response.StatusCode != http.StatusCreated || response.Header.Get("Degraded") != "" || order.Risk == nil {
		t.Errorf("got %s, degraded %q, %+v, want a payment with everything there",
			response.Status, response.Header.Get("Degraded"), order)
	}
	if err := standins.stop(t); err != nil {
		t.Errorf("after SIGTERM they ended with %v", err)
	}
}

func TestBadStart(t *testing.T) {
	taken := newTestService(t, config{})
	tests := []struct {
		name string
		args []string
		env  string
		want string
	}{
		{"address taken", []string{"-addr", strings.TrimPrefix(taken.url, "http://")}, "", "in use"},
		{"unknown flag", []string{"-nope"}, "", "nope"},
		{"stray argument", []string{"nope"}, "", "nope"},
		{"unknown database", []string{"-addr", "127.0.0.1:0"}, "DATABASE_URL=mysql://localhost/x", "postgres://"},
		{"database not there", []string{"-addr", "127.0.0.1:0"}, "DATABASE_URL=postgres://127.0.0.1:1/x", "ledger"},
		{"no Redis URL", []string{"-addr", "127.0.0.1:0"}, "REDIS_URL=nope", "idempotency"},
		{"no risk URL", []string{"-addr", "127.0.0.1:0"}, "RISK_URL=nope", "risk"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cmd := command(t, test.args...)
			cmd.Env = append(cmd.Env, test.env)
			output, err := cmd.CombinedOutput()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !strings.Contains(string(output), test.want) {
				t.Errorf("ended with %v, want exit status 1 and %q in\n%s", err, test.want, output)
			}
		})
	}
}
