package retry_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/falsifiable/stability/defense/retry"
)

func ExampleBudget_Do() {
	ledger, err := retry.New(retry.Config{Name: "ledger", Burst: 1, Attempts: 5, Backoff: time.Microsecond})
	if err != nil {
		panic(err)
	}
	attempts := 0
	err = ledger.Do(context.Background(), func(context.Context) error {
		attempts++
		return errors.New("connection refused")
	})
	fmt.Println(attempts, "attempts:", err)
	fmt.Println(errors.Is(err, retry.ErrBudget))
	// Output:
	// 2 attempts: retry: calling ledger: budget spent, after: connection refused
	// true
}

func ExamplePermanent() {
	ledger, _ := retry.New(retry.Config{})
	err := ledger.Do(context.Background(), func(context.Context) error {
		return retry.Permanent(errors.New("no such account"))
	})
	fmt.Println(err)
	// Output: no such account
}
