//go:build unix

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// drilled is a service with a heap. If listens is set, it gives the heap back on SIGUSR1 and on a POST.
func drilled(t *testing.T, listens bool) *httptest.Server {
	var heap atomic.Int64
	heap.Store(100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metrics":
			fmt.Fprintf(w, "# TYPE x gauge\nstability_signal_go_memory_heap_inuse_bytes %d\nstability_signal_go_memory_heap_inuse_bytes_other 7\n", heap.Load())
		case "/grow":
			heap.Store(500)
		case "/free":
			if listens {
				heap.Store(101)
			}
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	orders := make(chan os.Signal, 1)
	signal.Notify(orders, syscall.SIGUSR1)
	t.Cleanup(func() { signal.Stop(orders) })
	go func() {
		for range orders {
			if listens {
				heap.Store(101)
			}
		}
	}()
	return server
}

func TestDrill(t *testing.T) {
	for _, test := range []struct {
		name    string
		listens bool
		args    []string
		code    int
		text    string
	}{
		{"by signal", true, []string{"-pid", fmt.Sprint(os.Getpid())}, exitOK, "recovered after"},
		{"by page", true, []string{"-post", "URL/free"}, exitOK, "recovered after"},
		{"nobody listens", false, []string{"-post", "URL/free"}, exitFailed, "not recovered: go.memory.heap.inuse back to its baseline ±5 % within 100ms"},
		{"a page that is not there", true, []string{"-post", "URL/nothing"}, 3, "404"},
		{"a signal that the service does not read", true, []string{"-post", "URL/free", "-signal", "go.memory.used"}, 3, "does not have go.memory.used"},
		{"a signal that there is not", true, []string{"-post", "URL/free", "-signal", "go.heap"}, exitUsage, "there is no signal go.heap"},
		{"a margin that is none", true, []string{"-post", "URL/free", "-margin", "5"}, exitUsage, "is not a share"},
		{"two actions", true, []string{"-post", "URL/free", "-pid", "1"}, exitUsage, "one of -pid and -post"},
		{"a process that is not there", true, []string{"-pid", "999999999"}, 3, "999999999"},
	} {
		server := drilled(t, test.listens)
		within := "20s"
		if test.code == exitFailed { // for this one it is waited to the end
			within = "100ms"
		}
		args := []string{"-metrics", server.URL + "/metrics", "-baseline", "10ms", "-every", "5ms", "-within", within, "-press", "true"}
		for _, a := range test.args {
			args = append(args, strings.ReplaceAll(a, "URL", server.URL))
		}
		for i, a := range args {
			if a == "true" {
				args[i] = grower(t, server.URL)
			}
		}
		var stdout, stderr strings.Builder
		code := runDrill(t.Context(), args, &stdout, &stderr)
		if text := stdout.String() + stderr.String(); code != test.code || !strings.Contains(text, test.text) {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s", test.name, code, test.code, test.text, text)
		}
	}
}

// grower is a command that asks the service to grow: this very test binary, told by its environment.
func grower(t *testing.T, url string) string {
	t.Setenv("DRILL_GROW", url+"/grow")
	return os.Args[0] + " -test.run=^TestGrow$"
}

// TestGrow is the command of -press.
func TestGrow(t *testing.T) {
	if url := os.Getenv("DRILL_GROW"); url != "" {
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
}
