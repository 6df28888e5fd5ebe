package a

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"time"

	"gin"
)

func work(ctx context.Context) error { return ctx.Err() }

func drops(ctx context.Context) {
	work(context.Background()) // want `context.Background drops the deadline and the cancellation of ctx`
	work(context.TODO())       // want `context.TODO drops`
	work(ctx)
	if ctx == nil {
		ctx = context.Background()
	}
	detached, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	work(detached)
	go func() {
		work(context.Background()) // want `context.Background drops`
	}()
}

type worker func(context.Context) error

func namedType(ctx context.Context, f worker) {
	f(context.Background()) // want `context.Background drops`
	f(ctx)
}

func none() { work(context.Background()) }

func handler(w http.ResponseWriter, r *http.Request) {
	work(context.Background())                        // want `cancellation of r.Context\(\)`
	http.NewRequest("GET", "http://a", nil)           // want `http.NewRequest loses the context r.Context\(\); use NewRequestWithContext`
	b, _ := io.ReadAll(r.Body)                        // want `ReadAll of a body without a limit`
	c, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20)) // bounded
	w.Write(append(b, c...))
}

func query(ctx context.Context, db *sql.DB) {
	db.Query("select 1") // want `loses the context ctx; use QueryContext`
	db.QueryContext(ctx, "select 1")
	db.Ping() // want `use PingContext`
}

func retry(ctx context.Context) {
	for i := 0; i < 3; i++ {
		if work(ctx) == nil {
			return
		}
		time.Sleep(time.Second) // want `this loop sleeps without looking at ctx`
	}
	for ctx.Err() == nil {
		time.Sleep(time.Second)
	}
}

func route(c *gin.Context) {
	work(c) // want `pass c.Request.Context\(\)`
	work(c.Request.Context())
}

func plain() {
	http.Get("http://a")             // want `http.Get uses http.DefaultClient, which has no timeout`
	http.ListenAndServe(":80", nil)  // want `without any timeout`
	_ = &http.Client{}               // want `http.Client without Timeout`
	_ = &http.Client{Timeout: 1}     // bounded
	_ = &http.Server{Addr: ":80"}    // want `http.Server without ReadHeaderTimeout`
	_ = &http.Server{ReadTimeout: 1} // bounded
}

func joined(ctx context.Context, do func(context.Context, *http.Request)) {
	req, _ := http.NewRequest("GET", "http://a", nil)
	do(ctx, req)
}
