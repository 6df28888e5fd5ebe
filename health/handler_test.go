package health

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

// service is a monitor with one contract in Enforce mode and one that observes, both of one check that level > 10
// violates. Tests use it in a synctest bubble.
type service struct {
	monitor *stability.Monitor
	level   atomic.Int64
}

func newService(t *testing.T) *service {
	t.Helper()
	s := new(service)
	s.monitor = stability.NewMonitor(stability.Config{Service: "payment", Warmup: 5 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err := s.monitor.Attach(signals.GaugeFunc("level", signals.Count, func() float64 { return float64(s.level.Load()) })); err != nil {
		t.Fatal(err)
	}
	for _, c := range []stability.Contract{{Name: "payment-sla", Mode: stability.Enforce}, {Name: "payment-growth"}} {
		err := s.monitor.Register(&stability.Contract{Name: c.Name, Mode: c.Mode, Interval: 10 * time.Second,
			Checks: []stability.Check{{Name: "level", Expr: "level > 10"}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *service) start(t *testing.T) {
	t.Helper()
	if err := s.monitor.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.monitor.Stop)
}

func pass(d time.Duration) {
	<-time.After(d) // virtual: every caller runs in a synctest bubble
	synctest.Wait()
}

// ask returns the status code and the body.
func ask(h http.Handler, method, target string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w.Code, w.Body.String()
}

func askAnswer(t *testing.T, h http.Handler, target string) (int, Answer) {
	t.Helper()
	code, body := ask(h, "GET", target)
	var a Answer
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatalf("%s: %v: %s", target, err, body)
	}
	return code, a
}

func TestContractsDecideByTheirMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.start(t)
		h := Handler(s.monitor, Options{})
		type expectation struct {
			target string
			code   int
			status Verdict
		}
		expect := func(when string, expectations ...expectation) {
			t.Helper()
			for _, e := range expectations {
				if code, a := askAnswer(t, h, e.target); code != e.code || a.Status != e.status || (a.Status == OK) != (len(a.Reasons) == 0) {
					t.Errorf("%s: %s is %d %s %q, want %d %s", when, e.target, code, a.Status, a.Reasons, e.code, e.status)
				}
			}
		}
		pass(2500 * time.Millisecond)
		expect("warming up", expectation{"/healthz", 200, Warning}, expectation{"/healthz?contract=payment-sla", 200, Warning})
		pass(20 * time.Second)
		expect("holding", expectation{"/healthz", 200, OK}, expectation{"/healthz?contract=payment-sla", 200, OK},
			expectation{"/healthz?contract=payment-growth&contract=payment-sla", 200, OK})
		s.level.Store(11)
		pass(10 * time.Second)
		expect("violated", expectation{"/healthz", 503, Fail}, expectation{"/healthz?contract=payment-sla", 503, Fail},
			expectation{"/healthz?contract=payment-growth", 200, Warning},
			expectation{"/healthz?contract=payment-growth&contract=payment-sla", 503, Fail})
		s.level.Store(1)
		pass(time.Minute)
		expect("recovered", expectation{"/healthz", 200, OK}, expectation{"/healthz?contract=payment-sla", 200, OK})
	})
}

func TestAnswerTellsValuesAndAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.start(t)
		s.level.Store(11)
		pass(17500 * time.Millisecond) // judged after warming up, at 5 s and 15 s
		_, a := askAnswer(t, Handler(s.monitor, Options{}), "/healthz?contract=payment-sla")
		if a.Service != "payment" || a.Monitor.Uptime != 17.5 || a.Monitor.TickAge != 0.5 || len(a.Contracts) != 1 {
			t.Fatalf("the answer is %+v", a)
		}
		c := a.Contracts[0]
		if c.Name != "payment-sla" || c.Mode != stability.Enforce || c.State != stability.Violated || c.Age == nil || *c.Age != 2.5 {
			t.Errorf("the contract is %+v, want an age of 2.5 s", c)
		}
		if len(c.Checks) != 1 || len(c.Checks[0].Instances) != 1 {
			t.Fatalf("the checks are %+v", c.Checks)
		}
		in := c.Checks[0].Instances[0]
		if in.For != 12.5 || in.Strike != 2 || in.Value == nil || *in.Value != 11 || in.Threshold == nil || *in.Threshold != 10 {
			t.Errorf("the instance is %+v", in)
		}
	})
}

func TestHazard04DeadMonitorFailsHealthz(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		h := Handler(s.monitor, Options{})
		for _, when := range []string{"never started", "stopped"} {
			if when == "stopped" {
				s.start(t)
				pass(20 * time.Second)
				s.monitor.Stop()
				pass(time.Minute)
			}
			code, a := askAnswer(t, h, "/healthz")
			if code != 503 || a.Status != Fail || !a.Monitor.Stale || len(a.Reasons) == 0 {
				t.Errorf("%s: /healthz is %d %+v, want a failure", when, code, a)
			}
			if when == "stopped" && (a.Monitor.TickAge < 60 || a.Contracts[0].Age == nil || *a.Contracts[0].Age < 60) {
				t.Errorf("the answer does not tell how old it is: %+v", a)
			}
			if code, _ := ask(h, "GET", "/healthz?contract=payment-sla"); code != 503 {
				t.Errorf("%s: a contract in Enforce mode is %d, want 503", when, code)
			}
			if code, a := askAnswer(t, h, "/healthz?contract=payment-growth"); code != 200 || a.Status != Warning {
				t.Errorf("%s: a contract that only observes is %d %s, want 200 with a warning", when, code, a.Status)
			}
			for _, probe := range []string{"/livez", "/readyz", "/startupz"} {
				if code, _ := ask(h, "GET", probe); code != 200 {
					t.Errorf("%s: %s is %d; a dead monitor must not take the service out", when, probe, code)
				}
			}
		}
	})
}

func TestQuestionsWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		h := Handler(s.monitor, Options{})
		for _, test := range []struct {
			method, target string
			code           int
			body           string
		}{
			{"GET", "/healthz?contract=payment", 404, `there is no contract \"payment\"`},
			{"GET", "/healthz?contract=payment", 404, `"payment-sla"`},
			{"GET", "/healthz?contract=payment-sla&contract=no", 404, `there is no contract \"no\"`},
			{"GET", "/healthz?contract=", 400, "is empty"},
			{"GET", "/healthz?contarct=payment-sla", 400, `the parameter \"contarct\" is unknown`},
			{"GET", "/healthz?contract=%zz", 400, "cannot be read"},
			{"POST", "/healthz", 405, ""},
			{"DELETE", "/readyz", 405, ""},
			{"GET", "/health", 404, ""},
			{"GET", "/readyz?contract=payment-sla", 400, "only /healthz"},
			{"GET", "/healthz?contract=payment-sla&verbose", 400, "together"},
			{"GET", "/readyz?exclude=", 400, "is empty"},
			{"GET", "/readyz/nobody", 404, `there is no component \"nobody\"`},
			{"GET", "/livez?x", 400, `the parameter \"x\" is unknown`},
		} {
			code, body := ask(h, test.method, test.target)
			if code != test.code || !strings.Contains(body, test.body) {
				t.Errorf("%s %s is %d %s, want %d with %s", test.method, test.target, code, body, test.code, test.body)
			}
		}
	})
}

func TestAnswersAreNotCached(t *testing.T) {
	h := Handler(stability.NewMonitor(stability.Config{}), Options{})
	for _, target := range []string{"/healthz", "/healthz?contract=no", "/healthz?no", "/livez", "/readyz", "/startupz"} {
		for _, method := range []string{"GET", "HEAD"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
			if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s %s has headers %v", method, target, w.Header())
			}
		}
	}
}

func TestInstancesInAnAnswerAreBounded(t *testing.T) {
	var a Answer
	check := stability.CheckStatus{Name: "k", State: stability.Violated}
	for range 10 * maxInstances {
		check.Instances = append(check.Instances, stability.InstanceStatus{State: stability.Holding}, stability.InstanceStatus{State: stability.Violated})
	}
	a.addContract(stability.ContractStatus{Name: "c", Checks: []stability.CheckStatus{check}}, 0)
	instances := a.Contracts[0].Checks[0].Instances
	if len(instances) != maxInstances || instances[0].State != stability.Violated {
		t.Errorf("%d instances, the first %v; want the %d first violated ones", len(instances), instances[0].State, maxInstances)
	}
}

func BenchmarkHealthz(b *testing.B) {
	m := stability.NewMonitor(stability.Config{})
	if err := m.Register(&stability.Contract{Name: "c", Checks: []stability.Check{{Name: "k", Expr: "goroutines > 1"}}}); err != nil {
		b.Fatal(err)
	}
	h := Handler(m, Options{})
	b.ReportAllocs()
	for b.Loop() {
		ask(h, "GET", "/healthz")
	}
}
