// Package load drives a service with open-loop, seeded HTTP load.
//
// Open loop means that requests are sent when the schedule says so, whether or not earlier ones were answered: a
// service that stops answering is not spared. Latency is measured from the intended time of sending, because a
// driver which measures from the actual one forgets exactly the requests that a stall held back (coordinated
// omission). The schedule is a function of the seed; when each request really leaves is up to the machine.
package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
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
	// Hold makes one client keep a request of the target open, read what comes, and ask again after that time: a stream of
	// events, a long poll, a slow download. It has no part in the rate.
	Hold time.Duration
}

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
	// Every makes arrivals more even: of a Poisson process that is Every times as fast, each Every-th is sent. A contract
	// whose times run at 1/120 sees in its minute a 120th of the requests; with Every at 120 their number
	// wavers no more than that of all of them would. Defaults to 1: Poisson.
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
}

// Live is what a load has met so far. Safe for concurrent use.
type Live struct {
	mu  sync.Mutex
	met Summary
}

// Met returns what was sent and answered so far, without latencies.
func (l *Live) Met() Summary {
	l.mu.Lock()
	defer l.mu.Unlock()
	met := l.met
	met.Statuses = maps.Clone(met.Statuses)
	return met
}

func (l *Live) set(met Summary) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.met = met
	l.met.Statuses = maps.Clone(met.Statuses)
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
		inner = own
	}
	// Compensating for omission is worth nothing if the driver bends the schedule: workers are all but unlimited.
	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{Transport: bound{ctx, inner}, Timeout: cfg.Timeout}),
		vegeta.Workers(min(8, cfg.MaxWorkers)), vegeta.MaxWorkers(cfg.MaxWorkers), vegeta.MaxBody(0),
	)
	pacer := &pacer{ctx: ctx, plan: plan}
	meter := newMeter(pacer)
	held := &holders{ctx: ctx, base: cfg.BaseURL, client: &http.Client{Transport: bound{ctx, inner}}}
	short := held.start(cfg.Targets)
	if cfg.Targets = short; len(short) == 0 {
		<-ctx.Done()
		return held.end(Summary{Statuses: make(map[string]int)}), nil
	}
	for result := range attacker.Attack(cfg.targeter(), pacer, 0, "") {
		if ctx.Err() == nil || result.Code != 0 {
			meter.add(result)
			cfg.Live.set(meter.counts)
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

// meter counts answers. Histograms are in microseconds, up to ten minutes, to two digits.
type meter struct {
	pacer             *pacer
	corrected, actual *hdrhistogram.Histogram
	counts            Summary
}

func newMeter(p *pacer) *meter {
	const most = int64(10 * time.Minute / time.Microsecond)
	return &meter{p, hdrhistogram.New(1, most, 2), hdrhistogram.New(1, most, 2), Summary{Statuses: make(map[string]int)}}
}

func (m *meter) add(r *vegeta.Result) {
	m.counts.Sent++
	if r.Code == 0 {
		m.counts.Error = r.Error
	} else {
		m.counts.Statuses[strconv.Itoa(int(r.Code))]++
		if r.Code < 500 {
			m.counts.Answered++
		}
	}
	fromPlan := r.Timestamp.Add(r.Latency).Sub(m.pacer.intended(r.Seq))
	// An error of RecordValue says that the value is beyond ten minutes; no request lives as long.
	_ = m.corrected.RecordValue(max(fromPlan.Microseconds(), 1))
	_ = m.actual.RecordValue(max(r.Latency.Microseconds(), 1))
}

func (m *meter) summary() Summary {
	seconds := func(h *hdrhistogram.Histogram, q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1e6 }
	s := m.counts
	s.P50, s.P99, s.Max = seconds(m.corrected, 50), seconds(m.corrected, 99), float64(m.corrected.Max())/1e6
	s.UncorrectedP99 = seconds(m.actual, 99)
	return s
}

// targeter returns the requests in a seeded order.
func (c Config) targeter() vegeta.Targeter {
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
	var next atomic.Uint64
	return func(request *vegeta.Target) error {
		n := next.Add(1)
		// One generator per request: workers ask concurrently, and the n-th request is to be the same in every run.
		random := rand.New(rand.NewPCG(c.Seed, n))
		pick := random.Float64() * sum
		i := 0
		for i < len(bounds)-1 && pick >= bounds[i] {
			i++
		}
		t := c.Targets[i]
		number := strconv.FormatUint(random.Uint64()>>11, 10) // within the 53 bits that JSON numbers are safe for
		fill := strings.NewReplacer("${n}", strconv.FormatUint(n, 10), "${random}", number).Replace
		request.Method, request.Header = t.Method, filled(t.Header, fill)
		if request.Method == "" {
			request.Method = http.MethodGet
		}
		path := fill(t.Path)
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		request.URL = strings.TrimSuffix(c.BaseURL, "/") + path
		if t.Body != "" {
			request.Body = []byte(fill(t.Body))
		}
		return nil
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
