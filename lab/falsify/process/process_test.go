package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/falsifiable/stability/internal/eventually"
)

// The test binary is its own child: TestMain plays the part that the environment names.
func TestMain(m *testing.M) {
	switch os.Getenv("PROCESS_TEST_PART") {
	case "":
		os.Exit(m.Run())
	case "serve":
		serve(os.Getenv("ADDR"))
	case "elsewhere":
		serve("127.0.0.1:0")
	case "twice":
		go serve("127.0.0.1:0")
		serve("127.0.0.1:0")
	case "die":
		fmt.Fprintln(os.Stderr, "panic: the cellar is \x1b[31mflooded")
		os.Exit(7)
	case "stubborn":
		// It ignores the polite signal and has a child that keeps its output open.
		child := exec.Command("sleep", "600")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			panic(err)
		}
		fmt.Println("child", child.Process.Pid)
		ignore()
		serve(os.Getenv("ADDR"))
	}
}

func serve(address string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/never", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	http.Serve(listener, mux)
}

func start(t *testing.T, part string, change func(*Config)) (*Process, error) {
	t.Helper()
	var p *Process
	var err error
	for range 3 { // between choosing a free port and using it somebody else may take it
		address := freeAddress(t)
		cfg := Config{
			Path: os.Args[0], Address: address, Env: []string{"PROCESS_TEST_PART=" + part, "ADDR=" + address}, ReadyPath: "/ready",
		}
		if change != nil {
			change(&cfg)
		}
		p, err = Start(t.Context(), cfg)
		if exit, ended := errors.AsType[*ExitError](err); !ended || !strings.Contains(exit.Output, "address already in use") {
			break
		}
	}
	if err == nil {
		t.Cleanup(p.Kill)
	}
	return p, err
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestLife(t *testing.T) {
	p, err := start(t, "serve", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + p.Address + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if p.Moved || p.Exited() != nil {
		t.Errorf("moved %v, exited %v", p.Moved, p.Exited())
	}
	p.Stop(10 * time.Second)
	var exit *ExitError
	if err := p.Exited(); !errors.As(err, &exit) || !strings.Contains(exit.Status, "terminated") {
		t.Errorf("after a polite stop: %v, want it ended by SIGTERM", err)
	}
}

func TestFindsWhereItListens(t *testing.T) {
	p, err := start(t, "elsewhere", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Moved {
		t.Error("a child that ignores its address is not reported")
	}
	if reason := get(t.Context(), "http://"+p.Address+"/ready"); reason != "" {
		t.Error(reason)
	}
}

func TestUnusableChildren(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	for _, tt := range []struct {
		name, part string
		change     func(*Config)
		exits      bool
		want       []string
	}{
		{"dies at start", "die", nil, true, []string{"exit status 7", `the cellar is \u001b[31mflooded`}},
		{"dies after it answered", "die", func(c *Config) {
			// By the time it is looked at it has ended and has no sockets to read, and there is no path that would tell.
			c.ReadyPath = ""
			c.Answers = func(context.Context) error { time.Sleep(300 * time.Millisecond); return nil }
		}, true, []string{"exit status 7"}},
		{"port taken", "serve", func(c *Config) { c.Env = append(c.Env, "ADDR="+taken.Addr().String()) }, true,
			[]string{"exit status 1", "address already in use"}},
		{"listens on two ports", "twice", func(c *Config) { c.StartLimit = 15 * time.Second }, false, []string{"listens on the ports", "experiment file"}},
		{"never ready", "serve", func(c *Config) { c.ReadyPath, c.StartLimit = "/never", 15*time.Second }, false, []string{"/never answers 503"}},
		{"agent silent", "serve", func(c *Config) {
			c.StartLimit = 300 * time.Millisecond
			c.Answers = func(context.Context) error { return errors.New("no such socket") }
		}, false, []string{"fault agent", "no such socket"}},
		{"no such file", "serve", func(c *Config) { c.Path = "/nowhere/service" }, false, []string{"/nowhere/service"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // two of them wait for a start that does not come
			_, err := start(t, tt.part, tt.change)
			if err == nil {
				t.Fatal("it started")
			}
			var exit *ExitError
			if errors.As(err, &exit) != tt.exits {
				t.Errorf("%T, want an *ExitError: %v", err, tt.exits)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

// A stop ends a child that ignores SIGTERM, and the grandchild with it.
func TestStopEndsTheWholeGroup(t *testing.T) {
	p, grandchild := stubborn(t)
	p.Stop(50 * time.Millisecond)
	if !gone(p.command.Process.Pid) {
		t.Error("the child still lives")
	}
	awaitGone(t, grandchild)
}

// A child that ends by itself takes along what it has started: later its number may be somebody else's, and nobody is killed by it.
func TestTheGroupEndsWithTheChild(t *testing.T) {
	p, grandchild := stubborn(t)
	if err := p.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	awaitGone(t, grandchild)
}

func stubborn(t *testing.T) (p *Process, grandchild int) {
	t.Helper()
	p, err := start(t, "stubborn", nil)
	if err != nil {
		t.Fatal(err)
	}
	var number string
	eventually.Holds(t, "it has said who its child is", func() (said bool) {
		_, number, said = strings.Cut(p.Output(), "child ")
		return said
	})
	if grandchild, err = strconv.Atoi(strings.TrimSpace(number)); err != nil {
		t.Fatalf("output %q", p.Output())
	}
	return p, grandchild
}

// awaitGone waits: a signal to a group is delivered to the rest of it in the kernel's own time.
func awaitGone(t *testing.T, grandchild int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.After(10 * time.Second); !gone(grandchild); {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("grandchild %d still lives", grandchild)
		}
	}
}

// gone reports whether a process has ended; an orphan's zombie may wait for init to reap it.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ") || strings.Contains(string(stat), ") X ")
}

func TestCancelEndsAStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Start(ctx, Config{
		Path: os.Args[0], Address: freeAddress(t), Env: []string{"PROCESS_TEST_PART=serve", "ADDR=" + freeAddress(t)},
		Answers: func(context.Context) error { cancel(); return errors.New("not yet") },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cancellation", err)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var kept tail
	for i := range 5000 {
		fmt.Fprintf(&kept, "line %d\n", i)
	}
	text := kept.String()
	if !strings.HasSuffix(text, "line 4999") || !strings.HasPrefix(text, "line ") || len(text) > keepOutput {
		t.Errorf("kept %d bytes, from %.12q", len(text), text)
	}
}

// TestTailKeepsTheCrash: hundreds of stacks follow the line that says of what a child died.
func TestTailKeepsTheCrash(t *testing.T) {
	var kept tail
	fmt.Fprint(&kept, strings.Repeat("served a request\n", 5000), "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\nmain.put()\n")
	for i := range 500 {
		fmt.Fprintf(&kept, "goroutine %d [select]:\nmain.worker()\n\t/srv/pay/worker.go:17 +0x12\n\n", i)
	}
	text := kept.String()
	if !strings.HasPrefix(text, "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\n") || !strings.HasSuffix(text, "worker.go:17 +0x12") {
		t.Errorf("kept %d bytes, from %.60q", len(text), text)
	}
	var short tail
	fmt.Fprint(&short, "begun\n", "panic: boom\n")
	if got := short.String(); got != "begun\npanic: boom" {
		t.Errorf("a short output became %q", got)
	}
}
