// Package load drives a service with open-loop, seeded HTTP load.
//
// Open loop means that requests are sent when the schedule says so, whether or not earlier ones were answered: a
// service that stops answering is not spared. Latency is measured from the intended time of sending, because a
// driver which measures from the actual one forgets exactly the requests that a stall held back (coordinated
// omission). The schedule is a function of the seed; when each request really leaves is up to the machine.
package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Target is one kind of request.
type Target struct {
	// Method defaults to GET; Path is appended to the base URL and defaults to "/".
	Method string
	Path   string
	Header http.Header
	// In Path, Header and Body, ${n} stands for the number of the request and ${random} for a seeded random number.
	Body string
	// Weight is the target's share among all. Defaults to 1.
	Weight float64
	// Base replaces the base URL for this target, such as grpc://127.0.0.1:9000.
	Base string
	// Make, if set, makes the body in place of Body, from a generator of its own for each request. fill replaces ${n} and
	// ${random}. It may be called concurrently.
	Make func(random *rand.Rand, fill func(string) string) []byte
	// Hold makes one client keep a request of the target open, read what comes, and ask again after that time: a stream of
	// events, a long poll, a slow download. It has no part in the rate.
	Hold time.Duration
	// WebSocket makes the request to hold a WebSocket: the body, if there is one, is sent as a message every second.
	WebSocket bool
	// Upload makes the request to hold an upload: the body, or 64 KiB if there is none, is sent evenly over that time.
	Upload bool
}

// long reports whether the target has a client of its own.
func (t Target) long() bool { return t.Hold > 0 || t.WebSocket || t.Upload }

// Config configures one run of load.
type Config struct {
	// BaseURL is scheme and host, such as http://127.0.0.1:8080. Required.
	BaseURL string
	// Targets defaults to GET /.
	Targets []Target
	// Rate is the mean number of requests per second. Defaults to 50.
	Rate float64
	// Shape defaults to Steady; Period, in which it repeats, to 10 s.
	Shape  Shape
	Period time.Duration
	// Every makes arrivals more even than random: they are drawn at Every times the rate, and each Every-th is sent. It is for
	// contracts whose times are hurried. At 1/120 one of their minutes is half a second and sees a 120th of the requests;
	// with Every at 120 that number varies, in proportion, no more than a real minute's. Defaults to 1: a Poisson process.
	Every int
	// Seed decides the schedule, the choice of targets and ${random}.
	Seed uint64
	// Timeout bounds one request. Defaults to 5 s.
	Timeout time.Duration
	// MaxWorkers bounds the requests under way. Defaults to 4096, which should never be reached.
	MaxWorkers uint64
	// Live, if set, counts while the load goes on.
	Live *Live
	// Transport sends the requests. Defaults to one of its own, with keep-alive connections.
	Transport http.RoundTripper
	// Protocols send the requests of other schemes than http, unless there is a Transport.
	Protocols map[string]http.RoundTripper
	// StatusHeader names a header of answers that says more of the status than its number; what it says is added to
	// that in Summary.Statuses.
	StatusHeader string
}

func (c Config) withDefaults() Config {
	if len(c.Targets) == 0 {
		c.Targets = []Target{{}}
	}
	if c.Rate == 0 {
		c.Rate = 50
	}
	if c.Period == 0 {
		c.Period = 10 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.MaxWorkers == 0 {
		c.MaxWorkers = 4096
	}
	return c
}

// Validate reports what cannot be run.
func (c Config) Validate() error {
	if c.BaseURL == "" {
		return errors.New("load: there is no base URL")
	}
	if c.Rate < 0 || c.Period < 0 || c.Timeout < 0 {
		return errors.New("load: rate, period and timeout must not be negative")
	}
	for _, t := range c.Targets {
		if t.Weight < 0 {
			return fmt.Errorf("load: the weight of %s %s is negative", t.Method, t.Path)
		}
	}
	return nil
}

// Summary is what the load met. Latencies are in seconds and count from the intended time of sending.
type Summary struct {
	Sent     int            `json:"sent"`
	Answered int            `json:"answered"` // with a status below 500
	Statuses map[string]int `json:"statuses,omitempty"`
	Error    string         `json:"error,omitempty"` // the last failure to get any answer
	P50      float64        `json:"p50"`
	P99      float64        `json:"p99"`
	Max      float64        `json:"max"`
	// UncorrectedP99 counts from the actual time of sending: next to P99 it shows what that would have hidden.
	UncorrectedP99 float64 `json:"uncorrected_p99"`
	// Early and Late are the medians of the first and the last third of the answers: a service that does not bear the load
	// answers ever later.
	Early float64 `json:"early"`
	Late  float64 `json:"late"`
	// Pending is how many of the requests that were due have not been answered yet, while the load goes on.
	Pending int `json:"-"`
}

// Live is what a load has met so far. Safe for concurrent use.
type Live struct {
	mu   sync.Mutex
	look func() Summary
}

// Met returns what was sent and answered so far.
func (l *Live) Met() Summary {
	l.mu.Lock()
	look := l.look
	l.mu.Unlock()
	if look == nil {
		return Summary{}
	}
	return look()
}

func (l *Live) watch(look func() Summary) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.look = look
}

// Less returns what has come since an earlier look.
func (s Summary) Less(earlier Summary) Summary {
	s.Sent -= earlier.Sent
	s.Answered -= earlier.Answered
	left := make(map[string]int)
	for status, n := range s.Statuses {
		if n -= earlier.Statuses[status]; n > 0 {
			left[status] = n
		}
	}
	s.Statuses = left
	return s
}

// Run drives the service until ctx is done, which also ends the requests under way: those are not counted.
func Run(ctx context.Context, cfg Config) (Summary, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return Summary{}, err
	}
	plan, err := newSchedule(cfg.Shape, cfg.Rate, cfg.Period, cfg.Every, cfg.Seed)
	if err != nil {
		return Summary{}, err
	}
	inner := cfg.Transport
	if inner == nil {
		own := &http.Transport{MaxIdleConnsPerHost: 512, MaxIdleConns: 512}
		defer own.CloseIdleConnections()
		for scheme, protocol := range cfg.Protocols {
			own.RegisterProtocol(scheme, protocol)
		}
		inner = own
	}
	// Compensating for omission is worth nothing if the driver bends the schedule: workers are all but unlimited.
	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{Transport: bound{ctx, inner}, Timeout: cfg.Timeout}),
		vegeta.Workers(min(8, cfg.MaxWorkers)), vegeta.MaxWorkers(cfg.MaxWorkers), vegeta.MaxBody(0),
	)
	pacer := &pacer{ctx: ctx, plan: plan}
	meter := newMeter(pacer, cfg.StatusHeader)
	held := &holders{ctx: ctx, cfg: cfg, client: &http.Client{Transport: bound{ctx, inner}}, plain: &http.Client{Transport: inner}}
	short := held.start(cfg.Targets)
	cfg.Live.watch(func() Summary { return held.add(meter.summary()) })
	if cfg.Targets = short; len(short) == 0 {
		<-ctx.Done()
		return held.end(Summary{}), nil
	}
	for result := range attacker.Attack(cfg.targeter(&meter.due), pacer, 0, "") {
		if ctx.Err() == nil || result.Code != 0 {
			meter.add(result)
		}
	}
	return held.end(meter.summary()), nil
}

// bound ends requests when the run ends.
type bound struct {
	ctx   context.Context
	inner http.RoundTripper
}

func (b bound) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	stop := context.AfterFunc(b.ctx, func() { cancel(context.Cause(b.ctx)) })
	response, err := b.inner.RoundTrip(r.WithContext(ctx))
	if err != nil {
		stop()
		cancel(nil)
		return nil, err
	}
	response.Body = &releasing{response.Body, func() { stop(); cancel(nil) }}
	return response, nil
}

// releasing ends what a request holds when its body is closed.
type releasing struct {
	io.ReadCloser
	release func()
}

func (r *releasing) Close() error {
	defer r.release()
	return r.ReadCloser.Close()
}

// pacer tells vegeta when to send, and remembers the plan so that latencies can be counted from it.
type pacer struct {
	ctx  context.Context
	mu   sync.Mutex
	plan *schedule
	zero time.Time // when the attack began
}

// Pace implements vegeta.Pacer.
func (p *pacer) Pace(elapsed time.Duration, hits uint64) (wait time.Duration, stop bool) {
	if p.ctx.Err() != nil {
		return 0, true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.zero.IsZero() {
		p.zero = time.Now().Add(-elapsed)
	}
	return max(p.plan.at(int(hits))-elapsed, 0), false
}

// Rate implements vegeta.Pacer; nothing of ours asks for it.
func (p *pacer) Rate(time.Duration) float64 { return p.plan.rate }

// intended returns when the request with that number was due.
func (p *pacer) intended(seq uint64) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.zero.Add(p.plan.at(int(seq)))
}

// targeter returns the requests in a seeded order.
func (c Config) targeter(due *atomic.Uint64) vegeta.Targeter {
	var sum float64
	bounds := make([]float64, len(c.Targets))
	for i, t := range c.Targets {
		weight := t.Weight
		if weight == 0 {
			weight = 1
		}
		sum += weight
		bounds[i] = sum
	}
	return func(request *vegeta.Target) error {
		n := due.Add(1)
		// One generator per request: workers ask concurrently, and the n-th request is to be the same in every run.
		random := rand.New(rand.NewPCG(c.Seed, n))
		pick := random.Float64() * sum
		i := 0
		for i < len(bounds)-1 && pick >= bounds[i] {
			i++
		}
		c.Targets[i].ask(request, c.BaseURL, n, random)
		return nil
	}
}

// ask makes the target's n-th request.
func (t Target) ask(request *vegeta.Target, base string, n uint64, random *rand.Rand) {
	number := strconv.FormatUint(random.Uint64()>>11, 10) // within the 53 bits that JSON numbers are safe for
	fill := strings.NewReplacer("${n}", strconv.FormatUint(n, 10), "${random}", number).Replace
	request.Method, request.Header = cmp.Or(t.Method, http.MethodGet), filled(t.Header, fill)
	path := fill(t.Path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	request.URL = strings.TrimSuffix(cmp.Or(t.Base, base), "/") + path
	switch {
	case t.Make != nil:
		request.Body = t.Make(random, fill)
	case t.Body != "":
		request.Body = []byte(fill(t.Body))
	}
}

// filled returns the header with its values filled in. The workers share the target's own.
func filled(header http.Header, fill func(string) string) http.Header {
	header = header.Clone()
	for _, values := range header {
		for i := range values {
			values[i] = fill(values[i])
		}
	}
	return header
}

// Share returns the share of requests that were answered with a status below 500, NaN when none was sent.
func (s Summary) Share() float64 {
	if s.Sent == 0 {
		return math.NaN()
	}
	return float64(s.Answered) / float64(s.Sent)
}
