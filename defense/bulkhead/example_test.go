package bulkhead_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/falsifiable/stability/defense/bulkhead"
)

func ExampleBulkhead_Do() {
	ledger, err := bulkhead.New(bulkhead.Config{Name: "ledger", Limit: 1})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	_ = ledger.Do(ctx, func(ctx context.Context) error {
		// While this call is under way there is no place for another.
		err := ledger.Do(ctx, func(context.Context) error { return nil })
		fmt.Println(err, errors.Is(err, bulkhead.ErrFull))
		return nil
	})
	// Output: bulkhead: calling ledger: full true
}

func ExampleBulkhead_TryAcquire() {
	reports, _ := bulkhead.New(bulkhead.Config{Name: "reports", Limit: 2})
	permit, ok := reports.TryAcquire()
	if !ok {
		return // come again
	}
	defer permit.Release()
	fmt.Println(reports.Dump().InUse, "of", reports.Dump().Limit)
	// Output: 1 of 2
}
