package deadline

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// What makes the test binary one service of a chain instead: where the next one is ("none" for the last), and
// whether it uses this package.
const (
	envNext = "DEADLINE_TEST_NEXT"
	envOff  = "DEADLINE_TEST_OFF"
)

func TestMain(m *testing.M) {
	if next := os.Getenv(envNext); next != "" {
		runService(next, os.Getenv(envOff) != "")
		return
	}
	os.Exit(m.Run())
}

// report is what a service of the chain answers: what it had left, and what those behind it had.
type report struct {
	Bounded bool
	Left    []time.Duration
}

const chainReserve = time.Second

// runService serves until its standard input ends, which it does with the test.
func runService(next string, off bool) {
	loopback := TrustNetworks(netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	server, transport := Server{Trust: loopback}, http.RoundTripper(&Transport{Reserve: chainReserve})
	if off {
		server, transport = Server{}, http.DefaultTransport
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r, next, transport) })
	listener := httptest.NewServer(server.Middleware(handler))
	fmt.Println(listener.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func answer(w http.ResponseWriter, r *http.Request, next string, transport http.RoundTripper) {
	left, bounded := Left(r.Context())
	mine := report{bounded, []time.Duration{left}}
	switch {
	case next != "none":
		theirs, err := ask(r.Context(), next+r.URL.Path, transport)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		mine.Bounded = mine.Bounded && theirs.Bounded
		mine.Left = append(mine.Left, theirs.Left...)
	case r.URL.Path == "/hang":
		<-r.Context().Done()
		fmt.Println("released:", r.Context().Err())
		return
	}
	_ = json.NewEncoder(w).Encode(mine)
}

func ask(ctx context.Context, url string, transport http.RoundTripper) (report, error) {
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return report{}, err
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return report{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return report{}, fmt.Errorf("status %d: %s", response.StatusCode, text)
	}
	var answer report
	return answer, json.NewDecoder(response.Body).Decode(&answer)
}

// startService starts the test binary as a service and returns its URL and what it prints.
func startService(t *testing.T, next string, off bool) (url string, lines *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envNext+"="+next)
	if off {
		cmd.Env = append(cmd.Env, envOff+"=1")
	}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	lines = bufio.NewScanner(stdout)
	if !lines.Scan() {
		t.Fatal("the service did not say where it listens")
	}
	return lines.Text(), lines
}

// startChain starts service A, which calls B, which calls the external API: three processes. The test is the gateway.
func startChain(t *testing.T, off bool) (url string, external *bufio.Scanner) {
	api, external := startService(t, "none", off)
	b, _ := startService(t, api, off)
	a, _ := startService(t, b, off)
	return a, external
}

// TestChainOfProcesses is the chain of docs/guide/whitepaper.md §3.1: the gateway has 5 s, service A gets 4 s, and so on, each a
// second less.
func TestChainOfProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	a, external := startChain(t, false)
	gateway := &Transport{Reserve: chainReserve}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	got, err := ask(ctx, a, gateway)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Bounded || len(got.Left) != 3 {
		t.Fatalf("the chain answered %+v, want three bounded hops", got)
	}
	for i, left := range got.Left {
		if most := 5*time.Second - time.Duration(i+1)*chainReserve; left > most || left <= 0 {
			t.Errorf("hop %d had %v left, want at most %v", i+1, left, most)
		}
	}

	// A little less than three seconds is less than the reserves of three hops: the third is refused, and says so. The second has nearly a
	// second to come to that, which a busy machine may need.
	short, cancelShort := context.WithTimeout(t.Context(), 2950*time.Millisecond)
	defer cancelShort()
	if _, err := ask(short, a, gateway); err == nil || !strings.Contains(err.Error(), "reserved for this hop") {
		t.Errorf("a budget smaller than the reserves ended in %v, want a hop refused by name", err)
	}

	// The gateway's own budget ends what hangs at the far end, three processes away.
	hang, cancelHang := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancelHang()
	if _, err := ask(hang, a+"/hang", gateway); err == nil {
		t.Error("a call that hangs was answered")
	}
	if !external.Scan() || !strings.HasPrefix(external.Text(), "released:") {
		t.Errorf("the far end still hangs: %q", external.Text())
	}
}

// TestChainWithoutThePackage is the negative control: HTTP alone carries no deadline.
func TestChainWithoutThePackage(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	a, _ := startChain(t, true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := ask(ctx, a, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounded || len(got.Left) != 3 {
		t.Errorf("the chain answered %+v, want three hops without a deadline", got)
	}
}

// A hop that is refused three processes away is no success of any kind to the first.
func TestRefusalIsAnError(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := ask(ctx, "http://127.0.0.1:1", &Transport{Reserve: chainReserve}); !errors.Is(err, ErrExhausted) {
		t.Errorf("error = %v, want ErrExhausted", err)
	}
}
