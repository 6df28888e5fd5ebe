package agent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/timescale"
)

// The test binary is also the service under test.
func TestMain(m *testing.M) {
	if os.Getenv("STABILITY_TEST_SERVICE") == "" {
		os.Exit(m.Run())
	}
	before := runtime.NumGoroutine()
	started := Start()
	fmt.Printf("started=%t goroutines=%+d scale=%g\n", started, runtime.NumGoroutine()-before, timescale.Factor())
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test closes it
}

type service struct {
	t      *testing.T
	says   string // its first line
	stderr *bytes.Buffer
	client *http.Client
}

// serve runs a service with that environment until the test ends.
func serve(t *testing.T, env ...string) *service {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(append(os.Environ(), "STABILITY_TEST_SERVICE=1"), env...)
	s := &service{t: t, stderr: new(bytes.Buffer)}
	child.Stderr = s.stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var once bool
	stop := func() {
		if !once {
			once = true
			stdin.Close()
			_ = child.Wait()
			cancel()
		}
	}
	t.Cleanup(stop)
	s.says, err = bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the service said nothing: %v: %s", err, s.stderr)
	}
	if !strings.HasPrefix(s.says, "started=true") {
		stop() // all that it has to say is said
	}
	for _, e := range env {
		if path, ok := strings.CutPrefix(e, fault.EnvSocket+"="); ok {
			s.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", path)
			}}}
		}
	}
	return s
}

func (s *service) call(method, path, body string, into any) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, "http://agent"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s, %v", method, path, response.StatusCode, answer, err)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		s.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
	}
}

// socketDir returns a folder of ours alone whose path leaves room for a socket's name.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestWithoutItsEnvironmentNothingHappens(t *testing.T) {
	s := serve(t, fault.EnvSocket+"=", fault.EnvScale+"=0.1")
	if s.says != "started=false goroutines=+0 scale=1\n" || s.stderr.Len() > 0 {
		t.Errorf("the service says %q and complains %q", s.says, s.stderr)
	}
}

func TestServesOrdersAndAnswersWhileFaultsRage(t *testing.T) {
	socket := filepath.Join(socketDir(t), "agent.sock")
	s := serve(t, fault.EnvSocket+"="+socket, fault.EnvScale+"=0.25")
	if s.says != "started=true goroutines=+1 scale=0.25\n" {
		t.Fatalf("the service says %q", s.says)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v; want mode 0600", info.Mode(), err)
	}
	var hello fault.Hello
	s.call("GET", "/v1/hello", "", &hello)
	if hello.PID == 0 || hello.Go != runtime.Version() || hello.Scale != 0.25 || len(hello.Faults) != len(Faults()) {
		t.Errorf("hello = %+v", hello)
	}
	for _, order := range []string{
		`cpuburn {"params":{"goroutines":64}}`,
		`goroutineleak {"params":{"rate":100000,"max":100000}}`,
	} {
		name, body, _ := strings.Cut(order, " ")
		var ordered fault.Ordered
		s.call("POST", "/v1/faults/"+name, body, &ordered)
		var w fault.Witness
		for !w.Active { // bounded by the test's deadline and the service's
			s.call("GET", "/v1/faults/"+ordered.ID, "", &w)
		}
	}
	var removed []fault.Removed
	s.call("DELETE", "/v1/faults", "", &removed)
	if len(removed) != 2 || removed[0].Error+removed[1].Error != "" || removed[0].Residue.Value+removed[1].Residue.Value != 0 {
		t.Errorf("removed = %+v", removed)
	}
}

func TestSaysWhatStandsInItsWay(t *testing.T) {
	private, public, busy := socketDir(t), socketDir(t), socketDir(t)
	if err := os.Chmod(public, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(private, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("unix", filepath.Join(busy, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, c := range []struct{ socket, scale, complaint string }{
		{filepath.Join(public, "s"), "", "must belong to the user of this process and to nobody else"},
		{filepath.Join(private, "none", "s"), "", "no such file or directory"},
		{filepath.Join(private, "file"), "", "is there and is no socket"},
		{filepath.Join(busy, "s"), "", "another process serves"},
		{filepath.Join(private, strings.Repeat("long", 30)), "", "a Unix socket's path may have 103"},
		{filepath.Join(private, "s"), "2", `reading STABILITY_AGENT_SCALE: "2" is not a number above 0 and at most 1`},
	} {
		s := serve(t, fault.EnvSocket+"="+c.socket, fault.EnvScale+"="+c.scale)
		said := s.stderr.String()
		if s.says != "started=false goroutines=+0 scale=1\n" || !strings.HasPrefix(said, "stability: fault agent: ") ||
			!strings.Contains(said, c.complaint) {
			t.Errorf("the service says %q and complains %q; want a complaint with %q", s.says, said, c.complaint)
		}
	}
}

func TestTakesOverTheSocketOfAKilledProcess(t *testing.T) {
	socket := filepath.Join(socketDir(t), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if s := serve(t, fault.EnvSocket+"="+socket); !strings.HasPrefix(s.says, "started=true") {
		t.Errorf("the service says %q and complains %q", s.says, s.stderr)
	}
}
