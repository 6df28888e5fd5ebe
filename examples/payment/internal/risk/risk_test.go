package risk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/retry"
	"github.com/falsifiable/stability/examples/payment/internal/payment"
)

// hang answers only when the client has left, which a server notices once it has read the request.
func hang(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// newClient makes a client as the service does, with a guard and retries of its own.
func newClient(t *testing.T, url string) *Client {
	t.Helper()
	guard, err := defense.New(Guard)
	if err != nil {
		t.Fatal(err)
	}
	retries, err := retry.New(Retries)
	if err != nil {
		t.Fatal(err)
	}
	client, err := NewClient(url, guard.Transport(NewTransport()), retries)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestScore(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			w.Write([]byte(body))
		}
	}
	tests := []struct {
		name   string
		server http.HandlerFunc
		want   float64
		err    string
	}{
		{"well", answer(200, `{"score":0.5}`), 0.5, ""},
		{"failing", answer(500, `{"score":0.5}`), 0, "500"},
		{"garbage", answer(200, `<html>`), 0, "reading the score"},
		{"out of range", answer(200, `{"score":2}`), 0, "not between"},
		{"endless", answer(200, `{"score":0.5,"x":"`+strings.Repeat("x", 2*maxAnswer)+`"}`), 0, "reading the score"},
		{"hanging", hang, 0, "deadline exceeded"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.server)
			defer server.Close()
			client := newClient(t, server.URL)
			defer client.Close()
			got, err := client.Score(t.Context(), payment.Request{Account: "a", Amount: 1, Currency: "EUR"})
			if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %v, %v, want %v, %q", got, err, test.want, test.err)
			}
		})
	}
}

// The caller's context ends the call, whatever the client's own timeout.
func TestScoreCanceled(t *testing.T) {
	arrived := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		hang(nil, r)
	}))
	defer server.Close()
	client := newClient(t, server.URL)
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if _, err := client.Score(ctx, payment.Request{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
