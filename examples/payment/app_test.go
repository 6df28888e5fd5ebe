package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/examples/payment/internal/httpapi"
	"github.com/falsifiable/stability/examples/payment/internal/payment"
	"github.com/falsifiable/stability/examples/payment/internal/standin"
)

// testService is the whole service but for the library, behind an HTTP server.
type testService struct {
	url    string
	client *http.Client
	app    *app
	server *httptest.Server
}

func newTestService(t testing.TB, cfg config) *testService {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	a, err := newApp(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(httpapi.Guard(log, a.routes))
	s := &testService{server.URL, server.Client(), a, server}
	t.Cleanup(func() { s.close(t) })
	return s
}

func (s *testService) close(t testing.TB) {
	s.server.Close()
	if err := s.app.Close(); err != nil {
		t.Error(err)
	}
}

func payRequest(key string, amount int64) *http.Request {
	body := fmt.Sprintf(`{"account":"a-1","amount":%d,"currency":"EUR"}`, amount)
	r := httptest.NewRequest("POST", "/pay", strings.NewReader(body))
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	return r
}

// do sends a request to the service and returns the answer and its body.
func (s *testService) do(t testing.TB, r *http.Request) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), r.Method, s.url+r.URL.String(), r.Body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = r.Header
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

func (s *testService) pay(t testing.TB, r *http.Request) (response *http.Response, order payment.Order) {
	t.Helper()
	response, body := s.do(t, r)
	if err := json.Unmarshal(body, &order); err != nil {
		t.Fatalf("the answer is no JSON: %v: %s", err, body)
	}
	return response, order
}

func TestPayAndLookUp(t *testing.T) {
	s := newTestService(t, config{})
	response, order := s.pay(t, payRequest("", 1299))
	if response.StatusCode != http.StatusCreated || order.Status != payment.Approved || order.Amount != 1299 || order.Risk == nil {
		t.Fatalf("got %s and %+v, want 201 and an approved order", response.Status, order)
	}
	location := response.Header.Get("Location")
	response, body := s.do(t, httptest.NewRequest("GET", location, nil))
	var found payment.Order
	if err := json.Unmarshal(body, &found); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("looking up %s: %s, %v", location, response.Status, err)
	}
	if found.ID != order.ID || !found.Created.Equal(order.Created) || *found.Risk != *order.Risk {
		t.Errorf("looked up %+v, want %+v", found, order)
	}
	if _, order := s.pay(t, payRequest("", 5_000_000)); order.Status != payment.Declined {
		t.Errorf("a suspicious payment is %q, want it declined", order.Status)
	}
}

func TestReplay(t *testing.T) {
	s := newTestService(t, config{})
	_, first := s.pay(t, payRequest("k-1", 1299))
	response, second := s.pay(t, payRequest("k-1", 1299))
	if response.StatusCode != http.StatusOK || response.Header.Get("Idempotent-Replayed") != "true" || second.ID != first.ID {
		t.Errorf("the second time: %s, order %s, want 200 and %s again", response.Status, second.ID, first.ID)
	}
	if response, _ := s.pay(t, payRequest("k-1", 1300)); response.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("the key on another payment: %s, want 422", response.Status)
	}
}

func TestBadInput(t *testing.T) {
	s := newTestService(t, config{})
	tests := []struct {
		name, method, path, body string
		status                   int
	}{
		{"no JSON", "POST", "/pay", "amount=1", 400},
		{"empty", "POST", "/pay", "", 400},
		{"unknown field", "POST", "/pay", `{"account":"a","amount":1,"currency":"EUR","tip":1}`, 400},
		{"wrong type", "POST", "/pay", `{"account":"a","amount":"1","currency":"EUR"}`, 400},
		{"two objects", "POST", "/pay", `{"account":"a","amount":1,"currency":"EUR"}{}`, 400},
		{"negative", "POST", "/pay", `{"account":"a","amount":-1,"currency":"EUR"}`, 422},
		{"too large", "POST", "/pay", `{"account":"` + strings.Repeat("a", 32<<10) + `"}`, 413},
		{"unknown order", "GET", "/orders/nobody's", "", 404},
		{"unknown path", "GET", "/nope", "", 404},
		{"wrong method", "GET", "/pay", "", 405},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response, body := s.do(t, httptest.NewRequest(test.method, test.path, strings.NewReader(test.body)))
			if response.StatusCode != test.status || len(body) == 0 {
				t.Errorf("got %s and %q, want %d and a reason", response.Status, body, test.status)
			}
		})
	}
}

// hangingRisk is a risk service that never answers.
func hangingRisk(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then does the server notice when the client leaves
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestRiskHangs(t *testing.T) {
	s := newTestService(t, config{riskURL: hangingRisk(t)})
	response, order := s.pay(t, payRequest("", payment.UncheckedLimit))
	if response.StatusCode != http.StatusCreated || response.Header.Get("Degraded") != "risk" || order.Status != payment.InReview {
		t.Errorf("a small payment: %s, degraded %q, %q, want 201, risk, %q",
			response.Status, response.Header.Get("Degraded"), order.Status, payment.InReview)
	}
	response, _ = s.do(t, payRequest("", payment.UncheckedLimit+1))
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("a large payment: %s, want 503 and Retry-After: nothing large is accepted unchecked", response.Status)
	}
}

// When the risk service hangs, only the first customers wait for it: then its breaker opens, and who cannot be served is
// told when to come back.
func TestRiskBreaker(t *testing.T) {
	s := newTestService(t, config{riskURL: hangingRisk(t)})
	var load sync.WaitGroup
	for range 20 { // as many as the breaker wants to have seen
		load.Go(func() { s.do(t, payRequest("", 1299)) })
	}
	load.Wait()
	response, order := s.pay(t, payRequest("", 1299))
	if response.StatusCode != http.StatusCreated || order.Status != payment.InReview {
		t.Errorf("a small payment: %s, %q, want it in review", response.Status, order.Status)
	}
	response, _ = s.do(t, payRequest("", payment.UncheckedLimit+1))
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "1" {
		t.Errorf("a large payment: %s, Retry-After %q, want 503 and 1", response.Status, response.Header.Get("Retry-After"))
	}
	if dump := s.app.guards[1].Breaker().Dump(); dump.Config.Name != "risk" || dump.Opened == 0 || dump.Rejected == 0 {
		t.Errorf("%s's breaker opened %d times and rejected %d calls, want risk's, and some", dump.Config.Name, dump.Opened, dump.Rejected)
	}
}

// A gateway on this machine may ask for less time than the service would take, not for more.
func TestBudgetOfTheCaller(t *testing.T) {
	s := newTestService(t, config{riskURL: hangingRisk(t)})
	for budget, want := range map[string]int{"100m": http.StatusGatewayTimeout, "8H": http.StatusCreated} {
		r := payRequest("", 1299)
		r.Header.Set(deadline.Header, budget)
		if response, body := s.do(t, r); response.StatusCode != want {
			t.Errorf("with %s left: %s, want %d: %s", budget, response.Status, want, body)
		}
	}
}

func TestRedisDown(t *testing.T) {
	redis, err := standin.StartRedis("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newTestService(t, config{redisURL: redis.URL()})
	redis.Close()
	response, first := s.pay(t, payRequest("k-1", 1299))
	if response.StatusCode != http.StatusCreated || response.Header.Get("Degraded") != "idempotency-cache" {
		t.Errorf("got %s, degraded %q, want 201 without the cache", response.Status, response.Header.Get("Degraded"))
	}
	if response, second := s.pay(t, payRequest("k-1", 1299)); response.StatusCode != http.StatusOK || second.ID != first.ID {
		t.Errorf("the second time: %s, order %s, want 200 and %s again: the ledger knows", response.Status, second.ID, first.ID)
	}
}

func TestDatabaseDown(t *testing.T) {
	s := newTestService(t, config{})
	if err := s.app.db.Close(); err != nil {
		t.Fatal(err)
	}
	response, body := s.do(t, payRequest("", 1299))
	if response.StatusCode != http.StatusServiceUnavailable || bytes.Contains(body, []byte("sql")) {
		t.Errorf("got %s and %s, want 503 and nothing about our insides", response.Status, body)
	}
}

// Under load goroutines come; after it, in good times or bad, they go.
func TestGoroutinesGoBack(t *testing.T) {
	for name, cfg := range map[string]config{"well": {}, "risk hangs": {riskURL: hangingRisk(t)}} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			s := newTestService(t, cfg)
			for range 3 {
				var load sync.WaitGroup
				for range 16 {
					load.Go(func() {
						for range 4 {
							s.do(t, payRequest("", 1299))
						}
					})
				}
				load.Wait()
			}
			s.close(t)
			awaitGoroutines(t, before)
		})
	}
}

// awaitGoroutines waits until no more goroutines than that are left; connections take a moment to end theirs.
func awaitGoroutines(t *testing.T, most int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 4000 {
		if runtime.NumGoroutine() <= most {
			return
		}
		<-tick.C
	}
	var stacks bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&stacks, 1)
	t.Errorf("%d goroutines, want at most the %d from before:\n%s", runtime.NumGoroutine(), most, stacks.String())
}

func BenchmarkPay(b *testing.B) {
	s := newTestService(b, config{})
	b.ReportAllocs()
	for b.Loop() {
		if response, _ := s.do(b, payRequest("", 1299)); response.StatusCode != http.StatusCreated {
			b.Fatal(response.Status)
		}
	}
}
