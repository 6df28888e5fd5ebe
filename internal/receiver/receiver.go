// Package receiver is for the tests of responders: an HTTP server that remembers what was posted to it.
package receiver

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Receiver remembers. Safe for concurrent use.
type Receiver struct {
	URL string

	mu       sync.Mutex
	requests []Request
}

// Request is what was posted.
type Request struct {
	Path, Query string
	Header      http.Header
	Body        []byte
}

// New starts a receiver that answers each request with the same body, until the test ends.
func New(t testing.TB, answer string) *Receiver {
	r := new(Receiver)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(io.LimitReader(request.Body, 1<<20))
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.requests = append(r.requests, Request{request.URL.Path, request.URL.RawQuery, request.Header.Clone(), body})
		r.mu.Unlock()
		io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// Requests returns what was posted so far.
func (r *Receiver) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Request(nil), r.requests...)
}
