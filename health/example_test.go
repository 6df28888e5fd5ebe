package health_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/health"
)

func ExampleHandler() {
	monitor := stability.NewMonitor(stability.Config{})
	err := monitor.Register(&stability.Contract{
		Name:   "payment-stability-sla",
		Checks: []stability.Check{{Name: "goroutines", Expr: "runtime.NumGoroutine() > 2000"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := health.Handler(monitor, health.Options{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/healthz?contract=payment", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 404 {
	//   "error": "there is no contract \"payment\"",
	//   "contracts": [
	//     "payment-stability-sla"
	//   ]
	// }
}

func ExampleWatch() {
	var db *sql.DB // the service's
	var cacheFilled func() error

	ctx, stop := context.WithCancel(context.Background()) // the service's life
	defer stop()
	components, err := health.Watch(ctx,
		health.Component{Name: "database", Check: func(ctx context.Context) error { return db.PingContext(ctx) }},
		health.Component{Name: "cache", Role: health.Local, Interval: time.Minute,
			Check: func(context.Context) error { return cacheFilled() }},
	)
	if err != nil {
		return
	}
	http.Handle("/", health.Handler(stability.Default(), health.Options{Components: components}))
}
