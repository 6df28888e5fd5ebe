package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/falsifiable/stability/evidence/goroutines"
)

// crowd has goroutines wait in one place until the test ends, and returns when they do.
func crowd(t *testing.T, n int) {
	t.Helper()
	never := make(chan int)
	var all sync.WaitGroup
	t.Cleanup(func() {
		close(never)
		all.Wait() // the next test counts those that wait
	})
	before := waiting(t)
	for range n {
		all.Add(1)
		go func() {
			defer all.Done()
			waitFor(never)
		}()
	}
	for waiting(t) < before+n {
		runtime.Gosched()
	}
}

// waiting counts the goroutines that are in a receive of waitFor's.
func waiting(t *testing.T) (n int) {
	t.Helper()
	content, _ := capture()
	d, err := goroutines.Parse(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range d.Stacks {
		if s.State == goroutines.ChanReceive && strings.HasSuffix(s.Where().Func, ".waitFor") {
			n += s.Count
		}
	}
	return n
}

func waitFor(never chan int) { <-never }

func grouped(t *testing.T, h http.Handler, query string) (found triage) {
	t.Helper()
	r := get(t, h, "/goroutines.json?"+query)
	text := body(t, r)
	if err := json.Unmarshal([]byte(text), &found); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v: %s", query, r.StatusCode, err, text)
	}
	return found
}

func TestGroupsOfABundle(t *testing.T) {
	crowd(t, 120)
	h, id := captured(t)
	found := grouped(t, h, "of="+id)
	if !found.Ages || found.Compared || len(found.Suspects()) != 1 {
		t.Fatalf("found %+v", found)
	}
	g := found.Suspects()[0]
	if g.Count != 120 || g.State != "chan receive" || g.Risk != "suspect" || g.Source == "" || !strings.Contains(g.Source, "<-never") || g.Cause != "goroutineleak" || g.Likely == "" || g.CreatedBy == "" || len(g.Context) < 4 {
		t.Errorf("the suspect is %+v", g)
	}
	if same := grouped(t, h, "of="+id+"&since="+id); !same.Compared || len(same.Suspects()) != 0 {
		t.Errorf("compared with itself: %+v", same.Suspects())
	}
	for query, want := range map[string]int{
		"of=nosuch": http.StatusNotFound, "of=..%2fx": http.StatusNotFound, "of=" + id + "&since=nosuch": http.StatusNotFound,
		"of=now": http.StatusForbidden, "of=" + id + "&wait=1s": http.StatusBadRequest, "": http.StatusNotFound,
	} {
		if r := get(t, h, "/goroutines.json?"+query); r.StatusCode != want {
			t.Errorf("%q gives %d: %s", query, r.StatusCode, body(t, r))
		}
	}
	if r := get(t, h, "/pprof/heap"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a profile that nobody allowed gives %d", r.StatusCode)
	}
}

func TestGroupsOfTheRunningService(t *testing.T) {
	allowed := true
	h := Handler(monitor(t), Config{Pprof: true, Allow: func(*http.Request) bool { return allowed }})
	crowd(t, 110)
	suspected := func(found triage) bool { // the crowd; what else this process does is others' business
		return strings.Contains(fmt.Sprintf("%+v", found.Suspects()), "waitFor")
	}
	if found := grouped(t, h, "of=now"); !suspected(found) || !found.Ages {
		t.Errorf("found %+v", found.Suspects())
	}
	if found := grouped(t, h, "of=now&wait=1ms"); !found.Compared || suspected(found) {
		t.Errorf("within a millisecond grew %+v", found.Suspects())
	}
	crowd(t, maxStacks)
	if found := grouped(t, h, "of=now"); found.Ages || found.Total <= maxStacks {
		t.Errorf("of many: ages %v, %d in all", found.Ages, found.Total)
	}
	for path, want := range map[string]int{
		"/goroutines.json?of=now&wait=2h": http.StatusBadRequest, "/pprof/nosuch": http.StatusNotFound, "/pprof/goroutine?debug=1": http.StatusOK,
		"/pprof/heap": http.StatusOK, "/pprof/goroutine?debug=2": http.StatusUnprocessableEntity, "/pprof/profile?seconds=0": http.StatusBadRequest,
	} {
		if r := get(t, h, path); r.StatusCode != want {
			t.Errorf("%s gives %d: %s", path, r.StatusCode, body(t, r))
		}
	}
	allowed = false
	for _, path := range []string{"/goroutines.json?of=now", "/pprof/heap", "/causes.json"} {
		if r := get(t, h, path); r.StatusCode != http.StatusForbidden {
			t.Errorf("%s gives %d to who may not look", path, r.StatusCode)
		}
	}
}

// One capture at a time: each stops the world.
func TestCapturesAreNotTakenAtOnce(t *testing.T) {
	busy := &console{cfg: Config{Pprof: true}}
	busy.taking.Lock()
	for _, serve := range []http.HandlerFunc{busy.serveGoroutines, busy.servePprof} {
		w := httptest.NewRecorder()
		if serve(w, httptest.NewRequest("GET", "/?of=now", nil)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("a second one gives %d", w.Code)
		}
	}
}

// slow is a client that reads its answer when it is told to.
type slow struct {
	http.ResponseWriter
	writes chan struct{} // closed at the first byte
	once   *sync.Once
	goOn   chan struct{}
}

func (s slow) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.writes) })
	<-s.goOn
	return s.ResponseWriter.Write(p)
}

// Whoever reads an answer slowly keeps nobody else waiting.
func TestASlowReaderKeepsNobodyWaiting(t *testing.T) {
	c, id := capturedConfig(t)
	c.Pprof = true
	h := Handler(monitor(t), c)
	for _, path := range []string{"/pprof/heap", "/goroutines.json?of=now", "/evidence/" + id + "/heap/flame.json"} {
		client := slow{httptest.NewRecorder(), make(chan struct{}), new(sync.Once), make(chan struct{})}
		var served sync.WaitGroup
		served.Go(func() { h.ServeHTTP(client, httptest.NewRequest("GET", path, nil)) })
		<-client.writes
		if r := get(t, h, path); r.StatusCode != http.StatusOK {
			t.Errorf("%s gives %d to the next: %s", path, r.StatusCode, body(t, r))
		}
		close(client.goOn)
		served.Wait()
	}
}

func TestCausesAreDescribed(t *testing.T) {
	h := Handler(monitor(t), Config{Describe: func(id string) (string, string) { return id + " is <b>", "风暴" }})
	if got := body(t, get(t, h, "/causes.json")); !strings.Contains(got, "gcstorm is \\u003cb\\u003e") || !strings.Contains(got, "风暴") {
		t.Errorf("the causes are %s", got)
	}
	if got := body(t, get(t, Handler(monitor(t), Config{}), "/causes.json")); strings.TrimSpace(got) != "{}" {
		t.Errorf("without descriptions the causes are %s", got)
	}
}
