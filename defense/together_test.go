package defense

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/internal/eventually"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/httpclient"
)

// TestTransportsTogether is for the race detector: all transports of ours around one another, a server that fails in every way,
// bodies that are closed by one goroutine while another reads, contexts that end at any time, and a reader beside. At the end nothing
// is in flight and no place is taken.
func TestTransportsTogether(t *testing.T) {
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or net/http does not look whether the client has gone
		switch r.URL.Path {
		case "/fails":
			w.WriteHeader(http.StatusInternalServerError)
		case "/breaks":
			_, _ = w.Write(make([]byte, 10_000))
			panic(http.ErrAbortHandler)
		case "/hangs":
			select {
			case <-r.Context().Done():
			case <-over:
			}
		}
		_, _ = w.Write(make([]byte, 1000))
	}))
	defer server.Close()
	defer close(over)
	tracker, g := httpclient.New(httpclient.Config{}), mustNew(t, Config{Timeout: 50 * time.Millisecond})
	client := &http.Client{Transport: g.Transport(&deadline.Transport{Base: tracker.Transport(&http.Transport{})})}
	read := func() (active float64) {
		var batch signals.Batch
		tracker.Sample(&batch)
		for _, r := range batch.Readings() {
			if r.Signal == signals.HTTPClient.Active {
				active = r.Value
			}
		}
		return active
	}
	use := func(body io.ReadCloser, how int) {
		switch how % 3 {
		case 0:
			_, _ = io.Copy(io.Discard, body)
			body.Close()
		case 1:
			var both sync.WaitGroup
			both.Go(func() { body.Close() })
			_, _ = body.Read(make([]byte, 10))
			both.Wait()
		case 2:
			var both sync.WaitGroup
			both.Go(func() { _, _ = io.Copy(io.Discard, body) })
			body.Close()
			body.Close()
			both.Wait()
		}
	}
	answered := make(chan bool, 1000)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 30 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(j)*time.Millisecond)
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+[]string{"/", "/fails", "/breaks", "/hangs"}[(i+j)%4], strings.NewReader("body"))
				if err != nil {
					t.Error(err)
				}
				if response, err := client.Do(r); err == nil {
					answered <- true
					use(response.Body, i+j)
				}
				cancel()
				if i == 0 { // one reads: a source is for one reader
					read()
				}
			}
		})
	}
	all.Wait()
	t.Log(len(answered), "answers") // as many as the machine has time for
	eventually.Holds(t, "nothing is in flight", func() bool { return read() == 0 })
	if h := g.Bulkhead().Dump(); h.InUse != 0 || h.Waiting != 0 {
		t.Errorf("%d places are in use, %d wait", h.InUse, h.Waiting)
	}
}
