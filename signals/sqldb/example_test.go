package sqldb_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/falsifiable/stability/signals/sqldb"
)

// The rows of a query are never closed. Past the limit the pool says so, and where.
func Example() {
	pools := sqldb.New(sqldb.Config{HoldLimit: time.Millisecond})
	db := pools.OpenDB("orders", newFake()) // any driver.Connector; Open takes a driver's name
	defer db.Close()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	rows, err := db.QueryContext(ctx, "SELECT id FROM orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rows.Close()
	<-time.After(2 * time.Millisecond)
	for name, value := range read(pools) { // a monitor that pools is attached to does this
		if strings.HasPrefix(name, "connection.overdue") && value > 0 {
			fmt.Println(value, name[:strings.LastIndex(name, ":")]) // without the line
		}
	}
	// Output: 1 connection.overdue{kind="rows",pool="orders",site="sqldb_test.Example
}
