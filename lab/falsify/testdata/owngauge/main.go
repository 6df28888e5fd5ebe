// Command owngauge has a check on a gauge of its own, and says in one line how it is brought about. It holds a lock on a file, so
// that it cannot run twice at a time.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/goruntime"
)

var depth atomic.Int64

// fill fills the queue.
func fill(ctx context.Context, n float64) error {
	depth.Add(int64(n))
	defer depth.Add(-int64(n))
	<-ctx.Done()
	return nil
}

func main() {
	lock, err := os.OpenFile(os.Getenv("LOCK"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		log.Fatal("the data is in use by another process")
	}
	stability.RegisterFault("fillqueue", "app.queue.depth", fill)
	monitor := stability.Default()
	for _, source := range []signals.Source{goruntime.New(), signals.GaugeFunc("app.queue.depth", signals.Count, func() float64 { return float64(depth.Load()) })} {
		if err := monitor.Attach(source); err != nil {
			log.Fatal(err)
		}
	}
	stability.RegisterContract(&stability.Contract{Name: "queue", Checks: []stability.Check{{Name: "depth", Expr: "app.queue.depth > 250000"}}})
	if err := monitor.Start(); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
