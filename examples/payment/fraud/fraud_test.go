package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/falsifiable/stability/defense/breaker"
)

// start runs an edge and its fraud check until the test ends; stop ends the check alone.
func start(t *testing.T) (e *edge, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, _, err := newCheck()
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	if e, err = newEdge(listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.conn.Close() })
	return e, server.Stop
}

func ask(e *edge, account string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	e.check(w, httptest.NewRequest("GET", "/check?account="+account, nil))
	return w
}

func TestCheck(t *testing.T) {
	e, _ := start(t)
	for account, want := range map[string]int{"acct-1": http.StatusOK, "": http.StatusBadGateway} {
		if w := ask(e, account); w.Code != want {
			t.Errorf("account %q: %d %s, want %d", account, w.Code, w.Body, want)
		}
	}
	some := 0
	for i := range 5000 {
		if v, err := suspect(string(rune('a'+i%26)) + string(rune(i))); err != nil {
			t.Fatal(err)
		} else if v.GetValue() {
			some++
		}
	}
	if some == 0 || some > 50 {
		t.Errorf("%d of 5000 accounts are suspect, want about 5", some)
	}
}

// Without the check the edge answers 503 at once, and says when to come back.
func TestCheckIsDown(t *testing.T) {
	e, stop := start(t)
	if w := ask(e, "acct-1"); w.Code != http.StatusOK {
		t.Fatal(w.Code)
	}
	stop()
	for range 100 {
		if w := ask(e, "acct-1"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Fatalf("%d, Retry-After %q; want 503 and a time", w.Code, w.Header().Get("Retry-After"))
		}
	}
	if s := e.guard.Breaker().State(); s != breaker.Open {
		t.Errorf("the breaker is %v, want open", s)
	}
}
