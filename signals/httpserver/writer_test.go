package httpserver

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bare can do nothing that a ResponseWriter need not.
type bare struct{ http.ResponseWriter }

type onlyHijacker struct{ bare }

func (onlyHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}

type pusher struct {
	*httptest.ResponseRecorder
	pushed string
}

func (p *pusher) Push(target string, _ *http.PushOptions) error { p.pushed = target; return nil }

func TestTheWriterCanDoWhatTheOneBelowCan(t *testing.T) {
	recorder := httptest.NewRecorder()
	var fromServer http.ResponseWriter
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fromServer = w }))
	if _, err := server.Client().Get(server.URL); err != nil {
		t.Fatal(err)
	}
	server.Close()
	var fromTimeout http.ResponseWriter
	http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fromTimeout = w }), time.Hour, "").
		ServeHTTP(recorder, httptest.NewRequest("GET", "/", nil))
	type (
		flush  = http.Flusher
		hijack = http.Hijacker
		push   = http.Pusher
	)
	f, h, p := recorder, onlyHijacker{bare{recorder}}, &pusher{}
	for _, test := range []struct {
		name                string
		inner               http.ResponseWriter
		flush, hijack, push bool
	}{
		{"HTTP/1 server", fromServer, true, true, false},
		{"HTTP/2 server", &pusher{ResponseRecorder: recorder}, true, false, true},
		{"recorder", recorder, true, false, false},
		{"hijacker", onlyHijacker{bare{recorder}}, false, true, false},
		{"bare", bare{recorder}, false, false, false},
		{"TimeoutHandler", fromTimeout, false, false, true},
		{"hijacker and pusher", struct {
			bare
			hijack
			push
		}{bare{recorder}, h, p}, false, true, true},
		{"all", struct {
			bare
			flush
			hijack
			push
		}{bare{recorder}, f, h, p}, true, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			outer := (&writer{inner: test.inner, flight: lonely()}).expose()
			_, flush := outer.(http.Flusher)
			_, hijack := outer.(http.Hijacker)
			_, push := outer.(http.Pusher)
			if flush != test.flush || hijack != test.hijack || push != test.push {
				t.Errorf("flush, hijack, push = %v %v %v, want %v %v %v", flush, hijack, push, test.flush, test.hijack, test.push)
			}
		})
	}
}

func TestPushAndUnwrapReachTheWriterBelow(t *testing.T) {
	inner := &pusher{ResponseRecorder: httptest.NewRecorder()}
	outer := (&writer{inner: inner, flight: lonely()}).expose()
	if err := outer.(http.Pusher).Push("/style.css", nil); err != nil || inner.pushed != "/style.css" {
		t.Errorf("Push: %v, pushed %q", err, inner.pushed)
	}
	if got := outer.(interface{ Unwrap() http.ResponseWriter }).Unwrap(); got != http.ResponseWriter(inner) {
		t.Errorf("Unwrap = %v, want the writer below", got)
	}
	if err := http.NewResponseController(outer).Flush(); err != nil || !inner.Flushed {
		t.Errorf("Flush: %v, flushed %v", err, inner.Flushed)
	}
	outer.(http.Flusher).Flush()
	if c := outer.(interface{ CloseNotify() <-chan bool }).CloseNotify(); c == nil {
		t.Error("CloseNotify returned nil")
	}
}

// serve runs a real server with the handler behind the middleware, and gives its tracker and URL.
func serve(t *testing.T, handler http.HandlerFunc) (*Tracker, *httptest.Server) {
	t.Helper()
	tracker := New(Config{})
	server := httptest.NewServer(tracker.Middleware(handler))
	t.Cleanup(server.Close)
	return tracker, server
}

func body(t *testing.T, server *httptest.Server) string {
	t.Helper()
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestBodiesArriveWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "body")
	text := strings.Repeat("stability ", 10_000)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for how, handler := range map[string]http.HandlerFunc{
		"Write":       func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(text)) },
		"WriteString": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, text) },
		"ServeFile":   func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) },
		"Copy":        func(w http.ResponseWriter, r *http.Request) { io.Copy(w, strings.NewReader(text)) },
		"ReadFrom without support": func(w http.ResponseWriter, r *http.Request) {
			(&writer{inner: bare{w}, flight: lonely()}).ReadFrom(io.LimitReader(strings.NewReader(text), int64(len(text))))
		},
	} {
		t.Run(how, func(t *testing.T) {
			tracker, server := serve(t, handler)
			if got := body(t, server); got != text {
				t.Errorf("the body has %d bytes, want %d", len(got), len(text))
			}
			server.Close()
			want(t, read(tracker), "http.server.request.error.count", 0)
		})
	}
}

// A hijacked connection is no request any more: it must not age as the oldest one, and the end of its handler must
// not count a second time.
func TestHijackEndsTheRequest(t *testing.T) {
	during := make(chan map[string]float64, 1)
	var tracker *Tracker
	tracker, server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		during <- read(tracker)
		rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		rw.Flush()
	})
	if got := body(t, server); got != "hi" {
		t.Errorf("body = %q, want hi", got)
	}
	server.Close()
	for _, readings := range []map[string]float64{<-during, read(tracker)} {
		want(t, readings, "http.server.active_requests", 0)
		want(t, readings, "http.server.request.completed", 1)
	}
}

// takeover is a ResponseWriter whose connection can always be taken over.
type takeover struct{ bare }

func (takeover) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

// Once it is ended, a flight serves another request: neither the end of the handler nor a hijack that comes too late
// may end that one.
func TestARequestEndsOnce(t *testing.T) {
	tracker := New(Config{})
	var late http.Hijacker
	handler := tracker.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		late = w.(http.Hijacker)
		if r.URL.Path == "/upgrade" {
			late.Hijack()
		}
	}))
	other := tracker.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		late.Hijack()
		want(t, read(tracker), "http.server.active_requests", 1)
	}))
	for _, path := range []string{"/upgrade", "/plain"} {
		handler.ServeHTTP(takeover{bare{httptest.NewRecorder()}}, httptest.NewRequest("GET", path, nil))
		get(other, "GET", "/other")
	}
	want(t, read(tracker), "http.server.request.completed", 4)
	want(t, read(tracker), "http.server.active_requests", 0)
}

// A handler's goroutine that writes too late has a bug, but the bug must stay its own: were writers pooled, the
// late write would go into another client's response.
func TestLateWriteNeverReachesAnotherRequest(t *testing.T) {
	var late http.ResponseWriter
	tracker := New(Config{})
	handler := tracker.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" {
			late = w
			return
		}
		late.WriteHeader(http.StatusInternalServerError)
		io.WriteString(late, "secret of the first client")
		if h, ok := late.(http.Hijacker); ok {
			h.Hijack()
		}
		io.WriteString(w, "fine")
	}))
	for range 100 {
		get(handler, "GET", "/first")
		if second := get(handler, "GET", "/second"); second.Code != http.StatusOK || second.Body.String() != "fine" {
			t.Fatalf("the second response is %d %q", second.Code, second.Body)
		}
	}
	readings := read(tracker)
	want(t, readings, "http.server.request.error.count", 0)
	want(t, readings, "http.server.active_requests", 0)
	want(t, readings, "http.server.request.completed", 200)
}

// lonely is a flight of a tracker that nobody reads.
func lonely() *flight {
	return New(Config{}).begin(httptest.NewRequest("GET", "/", nil), nil, nil)
}
