package deadline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// callee is the far end of a round trip.
type callee struct {
	calls  int
	budget []time.Duration // that each call brought, -1 for none
	until  []time.Time     // deadline of each call's context
	ctx    context.Context // of the last call
	answer func(*http.Request) (*http.Response, error)
}

func (c *callee) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls++
	left, ok := FromHeader(r.Header)
	if !ok {
		left = -1
	}
	at, _ := r.Context().Deadline()
	c.budget, c.until, c.ctx = append(c.budget, left), append(c.until, at), r.Context()
	if c.answer != nil {
		return c.answer(r)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("fine")), Request: r}, nil
}

func request(ctx context.Context, header string) *http.Request {
	r, err := http.NewRequestWithContext(ctx, "GET", "http://callee/", nil)
	if err != nil {
		panic(err)
	}
	if header != "" {
		r.Header.Set(Header, header)
	}
	return r
}

func TestTransportSendsTheLeastOfAllBudgets(t *testing.T) {
	const none = -1
	for _, test := range []struct {
		name                      string
		context, timeout, reserve time.Duration // of the caller's context, 0 for none
		header                    string
		want                      time.Duration // sent
	}{
		{"nothing bounds it", 0, 0, 0, "", none},
		{"the context", 5 * time.Second, 0, 0, "", 5 * time.Second},
		{"less the reserve", 5 * time.Second, 0, time.Second, "", 4 * time.Second},
		{"the transport's", 0, 3 * time.Second, 0, "", 3 * time.Second},
		{"the transport's is shorter", 5 * time.Second, 3 * time.Second, time.Second, "", 2 * time.Second},
		{"the context is shorter", 2 * time.Second, 3 * time.Second, 0, "", 2 * time.Second},
		{"a header that is there shortens", 5 * time.Second, 0, 0, "1S", time.Second},
		{"a header that is there never lengthens", 5 * time.Second, 0, 0, "9S", 5 * time.Second},
		{"a proxied header without a context", 0, 0, 500 * time.Millisecond, "2S", 1500 * time.Millisecond},
		{"a negative reserve gives nothing", 5 * time.Second, 0, -time.Second, "", 5 * time.Second},
		{"a header that is no timeout", 5 * time.Second, 0, 0, "soon", 5 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.Background(), context.CancelFunc(func() {})
				if test.context > 0 {
					ctx, cancel = context.WithTimeout(ctx, test.context)
				}
				defer cancel()
				far := &callee{}
				r := request(ctx, test.header)
				response, err := (&Transport{Base: far, Timeout: test.timeout, Reserve: test.reserve}).RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				if far.budget[0] != test.want {
					t.Errorf("sent %v, want %v", far.budget[0], test.want)
				}
				if test.want != none && time.Until(far.until[0]) != test.want {
					t.Errorf("the attempt's context ends in %v, want with the budget in %v", time.Until(far.until[0]), test.want)
				}
				if r.Header.Get(Header) != test.header {
					t.Errorf("the caller's own request was changed: %q", r.Header.Get(Header))
				}
			})
		})
	}
}

// closing tells whether a request's body was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestTransportSendsNothingWhenNothingIsLeft(t *testing.T) {
	for _, test := range []struct {
		name          string
		left, reserve time.Duration
		header        string
	}{
		{"expired", -time.Second, 0, ""},
		{"only the reserve", time.Second, time.Second, ""},
		{"less than the reserve", time.Second, 2 * time.Second, ""},
		{"the header says so", time.Second, 0, "0n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), test.left)
				defer cancel()
				far, sent := &callee{}, &closing{Reader: strings.NewReader("x")}
				r := request(ctx, test.header)
				r.Body = sent
				client := http.Client{Transport: &Transport{Base: far, Reserve: test.reserve}}
				_, err := client.Do(r)
				if !errors.Is(err, ErrExhausted) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error = %v, want ErrExhausted and DeadlineExceeded", err)
				}
				if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
					t.Errorf("%v is no timeout", err)
				}
				if far.calls != 0 {
					t.Error("a request was sent all the same")
				}
				if !sent.closed {
					t.Error("the request's body was not closed")
				}
			})
		})
	}
}

func TestCancellationIsNotTakenForExhaustion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		cancel()
		_, err := (&Transport{Base: &callee{}, Reserve: time.Minute}).RoundTrip(request(ctx, ""))
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrExhausted) {
			t.Errorf("error = %v, want Canceled", err)
		}
	})
}

// A client's Timeout and the context's deadline both hold, whichever is sooner.
func TestTheEarlierOfContextAndClientTimeoutWins(t *testing.T) {
	for _, test := range []struct{ context, client, want time.Duration }{
		{200 * time.Millisecond, 30 * time.Second, 200 * time.Millisecond},
		{30 * time.Second, 200 * time.Millisecond, 200 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), test.context)
			defer cancel()
			far := &callee{answer: func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}}
			begun := time.Now()
			_, err := (&http.Client{Transport: &Transport{Base: far}, Timeout: test.client}).Do(request(ctx, ""))
			if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took != test.want || far.budget[0] != test.want {
				t.Errorf("%v after %v with a budget of %v; want DeadlineExceeded after %v", err, took, far.budget[0], test.want)
			}
		})
	}
}

// A retry sends the same request again: its body whole, its budget what is left by then, and in the end nothing at all.
func TestRetriesSpendOneBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var bodies []string
		far := &callee{answer: func(r *http.Request) (*http.Response, error) {
			b, _ := io.ReadAll(r.Body)
			bodies = append(bodies, string(b))
			<-time.After(2 * time.Second)
			return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}, nil
		}}
		transport := &Transport{Base: far, Reserve: 500 * time.Millisecond}
		r, err := http.NewRequestWithContext(ctx, "POST", "http://callee/", bytes.NewReader([]byte("order")))
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = transport.RoundTrip(r)
			r.Body, _ = r.GetBody()
		}
		if !errors.Is(err, ErrExhausted) {
			t.Errorf("the retries ended with %v, want ErrExhausted", err)
		}
		want := []time.Duration{4500 * time.Millisecond, 2500 * time.Millisecond, 500 * time.Millisecond}
		if len(far.budget) != 3 || far.budget[0] != want[0] || far.budget[1] != want[1] || far.budget[2] != want[2] {
			t.Errorf("the attempts had budgets %v, want %v", far.budget, want)
		}
		if strings.Join(bodies, " ") != "order order order" {
			t.Errorf("the attempts brought the bodies %q", bodies)
		}
	})
}

func TestResponseBodyIsCapped(t *testing.T) {
	text := strings.Repeat("x", 1000)
	for _, test := range []struct {
		name  string
		limit int64
		want  error
	}{
		{"too large by one", 999, ErrBodyTooLarge}, {"just right", 1000, nil}, {"smaller", 1001, nil},
		{"no limit", -1, nil}, {"the default is larger than that", 0, nil},
	} {
		for how, reader := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "with the end": iotest.DataErrReader,
		} {
			t.Run(test.name+" "+how, func(t *testing.T) {
				far := &callee{answer: func(r *http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: 200, Body: io.NopCloser(reader(strings.NewReader(text)))}, nil
				}}
				response, err := (&Transport{Base: far, MaxBody: test.limit}).RoundTrip(request(t.Context(), ""))
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				got, err := io.ReadAll(response.Body)
				if !errors.Is(err, test.want) {
					t.Errorf("reading the body: %v, want %v", err, test.want)
				}
				if test.want == nil && len(got) != 1000 || test.want != nil && int64(len(got)) != test.limit {
					t.Errorf("read %d bytes", len(got))
				}
				if n, err := response.Body.Read(make([]byte, 1)); n != 0 || err == nil {
					t.Errorf("reading on after the end: %d, %v", n, err)
				}
			})
		}
	}
}

func TestTheDeadlineCoversTheBodyAndClosingEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		far := &callee{}
		response, err := (&Transport{Base: far, Reserve: time.Second}).RoundTrip(request(ctx, ""))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(3 * time.Second)
		if far.ctx.Err() != nil {
			t.Error("the attempt's context ended before its body was read")
		}
		response.Body.Close()
		if far.ctx.Err() == nil {
			t.Error("the attempt's context outlives its body: a timer leaks")
		}
	})
}

func TestASwitchedConnectionIsLeftAlone(t *testing.T) {
	near, _ := net.Pipe()
	far := &callee{answer: func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusSwitchingProtocols, Body: near}, nil
	}}
	response, err := (&Transport{Base: far}).RoundTrip(request(t.Context(), ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := response.Body.(io.Writer); !ok {
		t.Error("the connection of a WebSocket can no longer be written to")
	}
}

func BenchmarkTransport(b *testing.B) {
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	r := request(ctx, "")
	far := &callee{answer: func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	}}
	for name, reserve := range map[string]time.Duration{"same deadline": 0, "with reserve": time.Second} {
		b.Run(name, func(b *testing.B) {
			t := &Transport{Base: far, Reserve: reserve}
			b.ReportAllocs()
			for b.Loop() {
				far.budget, far.until = far.budget[:0], far.until[:0]
				if _, err := t.RoundTrip(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The request is copied, because a RoundTripper must not change it, and its header with it.
func TestTransportAllocates(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	r, answer := request(ctx, ""), &http.Response{StatusCode: 200, Body: http.NoBody}
	base := roundTripper(func(*http.Request) (*http.Response, error) { return answer, nil })
	for reserve, most := range map[time.Duration]float64{0: 5, time.Second: 9} {
		transport := &Transport{Base: base, Reserve: reserve}
		if n := testing.AllocsPerRun(100, func() { _, _ = transport.RoundTrip(r) }); n > most {
			t.Errorf("with a reserve of %v a round trip allocates %v times, want at most %v", reserve, n, most)
		}
	}
}

func TestAFailedAttemptLeavesNoTimer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	far := &callee{answer: func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }}
	_, err := (&Transport{Base: far, Reserve: time.Second}).RoundTrip(request(ctx, ""))
	if !errors.Is(err, io.ErrUnexpectedEOF) || far.ctx.Err() == nil {
		t.Errorf("error %v, context of the attempt: %v", err, far.ctx.Err())
	}
}

// TestBaseThatReturnsNothing: what http.Client reports as an error must not become a panic on the way.
func TestBaseThatReturnsNothing(t *testing.T) {
	far := &callee{answer: func(*http.Request) (*http.Response, error) { return nil, nil }}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	client := &http.Client{Transport: &Transport{Base: far, Timeout: time.Minute}}
	_, err := client.Do(request(ctx, ""))
	if err == nil || !strings.Contains(err.Error(), "*deadline.callee returned neither") {
		t.Errorf("%v, want an error that names the transport", err)
	}
	if far.ctx.Err() == nil {
		t.Error("the context of the attempt goes on")
	}
}

func TestAPanicBelowEndsTheContext(t *testing.T) {
	far := &callee{answer: func(*http.Request) (*http.Response, error) { panic("base") }}
	func() {
		defer func() { _ = recover() }()
		(&Transport{Base: far, Timeout: time.Minute}).RoundTrip(request(t.Context(), ""))
	}()
	if far.ctx.Err() == nil {
		t.Error("the context of the attempt goes on")
	}
}

// TestTheResponseNamesTheCallersRequest and not the copy, whose context ends with the body.
func TestTheResponseNamesTheCallersRequest(t *testing.T) {
	r := request(t.Context(), "")
	response, err := (&Transport{Base: &callee{}, Timeout: time.Minute}).RoundTrip(r)
	if err != nil || response.Request != r {
		t.Errorf("%v, request %p, want %p", err, response.Request, r)
	}
}

type idler struct {
	callee
	closed int
}

func (i *idler) CloseIdleConnections() { i.closed++ }

func TestCloseIdleConnectionsReachesTheBase(t *testing.T) {
	base := &idler{}
	(&http.Client{Transport: &Transport{Base: base}}).CloseIdleConnections()
	(&http.Client{Transport: &Transport{Base: &callee{}}}).CloseIdleConnections() // has none
	(&http.Client{Transport: &Transport{}}).CloseIdleConnections()
	if base.closed != 1 {
		t.Errorf("closed %d times, want once", base.closed)
	}
}
