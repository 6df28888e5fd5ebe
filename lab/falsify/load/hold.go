package load

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// holders are the clients that keep one long request open each.
type holders struct {
	ctx    context.Context
	base   string
	client *http.Client
	all    sync.WaitGroup

	mu  sync.Mutex
	met Summary
}

// pause keeps a client whose requests fail at once from being a load of its own.
const pause = 200 * time.Millisecond

// start begins to hold what is to be held and returns the other targets.
func (h *holders) start(targets []Target) (short []Target) {
	h.met.Statuses = make(map[string]int)
	for _, t := range targets {
		if t.Hold <= 0 {
			short = append(short, t)
			continue
		}
		h.all.Go(func() {
			for h.ctx.Err() == nil {
				h.hold(t)
				select {
				case <-time.After(pause):
				case <-h.ctx.Done():
				}
			}
		})
	}
	return short
}

// hold makes one request and reads its answer until it ends or the time is over.
func (h *holders) hold(t Target) {
	ctx, cancel := context.WithTimeout(h.ctx, t.Hold)
	defer cancel()
	method, path := t.Method, t.Path
	if method == "" {
		method = http.MethodGet
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(h.base, "/")+path, strings.NewReader(t.Body))
	if err != nil {
		h.count(0, err)
		return
	}
	for key, values := range t.Header {
		request.Header[key] = values
	}
	response, err := h.client.Do(request)
	if err != nil {
		if ctx.Err() == nil { // else it was a poll that nothing came of in time
			h.count(0, err)
		}
		return
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body) // it ends with the time, which is no failure
	h.count(response.StatusCode, nil)
}

func (h *holders) count(status int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.met.Sent++
	if err != nil {
		h.met.Error = err.Error()
		return
	}
	h.met.Statuses[strconv.Itoa(status)]++
	if status < 500 {
		h.met.Answered++
	}
}

// end waits for the clients, which end with ctx, and adds what they met.
func (h *holders) end(met Summary) Summary {
	h.all.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	met.Sent += h.met.Sent
	met.Answered += h.met.Answered
	for status, n := range h.met.Statuses {
		met.Statuses[status] += n
	}
	if h.met.Error != "" {
		met.Error = h.met.Error
	}
	return met
}
