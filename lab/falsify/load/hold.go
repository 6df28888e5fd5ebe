package load

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// holders are the clients that keep one long request open each.
type holders struct {
	ctx    context.Context
	cfg    Config
	client *http.Client
	plain  *http.Client // whose answers can be written to, as a WebSocket's are
	number atomic.Uint64
	all    sync.WaitGroup

	mu  sync.Mutex
	met Summary
}

// pause keeps a client whose requests fail at once from being a load of its own.
const pause = 200 * time.Millisecond

// defaultHold is how long a WebSocket or an upload lasts.
const defaultHold = 10 * time.Second

// start begins to hold what is to be held and returns the other targets.
func (h *holders) start(targets []Target) (short []Target) {
	h.met.Statuses = make(map[string]int)
	for _, t := range targets {
		if !t.long() {
			short = append(short, t)
			continue
		}
		t.Hold = cmp.Or(t.Hold, defaultHold)
		h.all.Go(func() {
			for h.ctx.Err() == nil {
				h.once(t)
				select {
				case <-time.After(pause):
				case <-h.ctx.Done():
				}
			}
		})
	}
	return short
}

// once makes one long request.
func (h *holders) once(t Target) {
	n := h.number.Add(1)
	var asked vegeta.Target
	t.ask(&asked, h.cfg.BaseURL, n, rand.New(rand.NewPCG(h.cfg.Seed, n<<32)))
	switch {
	case t.WebSocket:
		h.talk(asked, t.Hold)
	case t.Upload:
		h.upload(asked, t.Hold)
	default:
		h.hold(asked, t.Hold)
	}
}

// hold makes one request and reads its answer until it ends or the time is over.
func (h *holders) hold(asked vegeta.Target, lasts time.Duration) {
	ctx, cancel := context.WithTimeout(h.ctx, lasts)
	defer cancel()
	h.do(ctx, asked, bytes.NewReader(asked.Body), int64(len(asked.Body)))
}

// upload sends a body slowly and reads the answer.
func (h *holders) upload(asked vegeta.Target, lasts time.Duration) {
	ctx, cancel := context.WithTimeout(h.ctx, lasts+h.cfg.Timeout)
	defer cancel()
	body := asked.Body
	if len(body) == 0 {
		body = make([]byte, 64<<10)
	}
	if asked.Method == http.MethodGet {
		asked.Method = http.MethodPost
	}
	h.do(ctx, asked, &slow{ctx: ctx, left: body, step: max(len(body)/uploadSteps, 1), pause: lasts / uploadSteps}, int64(len(body)))
}

// uploadSteps is in how many pieces an upload is sent.
const uploadSteps = 50

// slow is a body that comes in pieces.
type slow struct {
	ctx   context.Context
	left  []byte
	step  int
	pause time.Duration
}

func (s *slow) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		return 0, io.EOF
	}
	timer := time.NewTimer(s.pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
		return 0, context.Cause(s.ctx)
	}
	n := copy(p, s.left[:min(s.step, len(s.left))])
	s.left = s.left[n:]
	return n, nil
}

// do makes a request, reads all of its answer and counts it. One that only the end of its time ended is no failure.
func (h *holders) do(ctx context.Context, asked vegeta.Target, body io.Reader, length int64) {
	request, err := http.NewRequestWithContext(ctx, asked.Method, asked.URL, body)
	if err != nil {
		h.count("", 0, err)
		return
	}
	request.Header, request.ContentLength = asked.Header, length
	if request.Header == nil {
		request.Header = make(http.Header)
	}
	if length == 0 {
		request.Body = http.NoBody
	}
	response, err := h.client.Do(request)
	if err != nil {
		if ctx.Err() == nil { // else it was a poll that nothing came of in time
			h.count("", 0, err)
		}
		return
	}
	defer response.Body.Close()
	h.count(response.Header.Get(h.cfg.StatusHeader), response.StatusCode, nil)
	_, _ = io.Copy(io.Discard, response.Body) // it ends with the time, which is no failure
}

// talk holds a WebSocket.
func (h *holders) talk(asked vegeta.Target, lasts time.Duration) {
	ctx, cancel := context.WithTimeout(h.ctx, lasts)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, strings.Replace(asked.URL, "http", "ws", 1), &websocket.DialOptions{HTTPClient: h.plain, HTTPHeader: asked.Header})
	if err != nil {
		switch {
		case ctx.Err() != nil:
		case response != nil && response.StatusCode != http.StatusSwitchingProtocols:
			h.count("", response.StatusCode, nil)
		default:
			h.count("", 0, err)
		}
		return
	}
	defer conn.CloseNow()
	h.count("", http.StatusSwitchingProtocols, nil)
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for len(asked.Body) > 0 && conn.Write(ctx, websocket.MessageText, asked.Body) == nil {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	for {
		_, message, err := conn.Reader(ctx)
		if err != nil {
			return // it ends with the time, or the server has had enough
		}
		if _, err := io.Copy(io.Discard, message); err != nil {
			return
		}
	}
}

func (h *holders) count(said string, status int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.met.Sent++
	if err != nil {
		h.met.Error = err.Error()
		return
	}
	h.met.Statuses[statusName(status, said)]++
	if status < 500 {
		h.met.Answered++
	}
}

// add returns a summary with what these clients have met so far.
func (h *holders) add(met Summary) Summary {
	h.mu.Lock()
	defer h.mu.Unlock()
	met.Sent += h.met.Sent
	met.Answered += h.met.Answered
	statuses := maps.Clone(h.met.Statuses)
	for status, n := range met.Statuses {
		statuses[status] += n
	}
	met.Statuses = statuses
	met.Error = cmp.Or(h.met.Error, met.Error)
	return met
}

// end waits for the clients, which end with ctx, and adds what they met.
func (h *holders) end(met Summary) Summary {
	h.all.Wait()
	return h.add(met)
}
