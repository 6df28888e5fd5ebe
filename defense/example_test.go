package defense_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/retry"
)

func Example() {
	risk, err := defense.New(defense.Config{
		Name:     "risk",
		Timeout:  2 * time.Second,
		Breaker:  breaker.Config{FailureThreshold: 0.8, MinimumRequests: 20, Timeout: 5 * time.Second},
		Bulkhead: bulkhead.Config{Limit: 32, MaxWait: 100 * time.Millisecond},
	})
	if err != nil {
		panic(err)
	}
	err = risk.Do(context.Background(), func(context.Context) error { return errors.New("no risk service today") })
	fmt.Println(err, risk.Breaker().Dump().Ever)
	// Output: no risk service today {1 1 0}
}

// Retries go around the guard: a rejection by the guard is not retried, and costs no retry.
func ExampleGuard_Do_withRetries() {
	ledger, _ := defense.New(defense.Config{Name: "ledger"})
	budget, _ := retry.New(retry.Config{Name: "ledger", Backoff: time.Microsecond})
	attempts := 0
	err := budget.Do(context.Background(), func(ctx context.Context) error {
		return ledger.Do(ctx, func(context.Context) error {
			if attempts++; attempts < 3 {
				return errors.New("connection reset")
			}
			return nil
		})
	})
	fmt.Println(attempts, err)
	// Output: 3 <nil>
}

func ExampleGuard_Transport() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("the server has a deadline:", r.Header.Get("Grpc-Timeout") != "")
	}))
	defer server.Close()

	risk, _ := defense.New(defense.Config{Name: "risk", Timeout: 2 * time.Second})
	client := &http.Client{Transport: risk.Transport(nil)} // one line
	response, err := client.Get(server.URL)
	if err != nil {
		panic(err)
	}
	response.Body.Close()
	// Output: the server has a deadline: true
}

func ExampleWriteUnavailable() {
	risk, _ := defense.New(defense.Config{Name: "risk", Breaker: breaker.Config{MinimumRequests: 1, Timeout: 5 * time.Second}})
	pay := func(w http.ResponseWriter, r *http.Request) {
		err := risk.Do(r.Context(), func(context.Context) error { return errors.New("down") })
		if defense.WriteUnavailable(w, err) {
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}
	for range 2 {
		w := httptest.NewRecorder()
		pay(w, httptest.NewRequest("POST", "/pay", nil))
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("Retry-After"))
	}
	// Output:
	// 502 ""
	// 503 "5"
}
