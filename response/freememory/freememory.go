// Package freememory lets somebody outside order a garbage collection that gives memory back to the system: by a signal that the
// service has chosen to listen to, or by a page that it has chosen to serve.
//
// Without it SIGUSR1 does nothing to a Go program: the runtime takes it and tells whoever has asked for it, which is nobody. With it,
//
//	stop := freememory.OnSignal(syscall.SIGUSR1)
//	defer stop()
//
// kill -USR1 PID makes the process collect and release. It is for drills (stability drill) and for a person who looks at a
// heap: a service that needs it regularly has a leak, or a wrong GOMEMLIMIT.
package freememory

import (
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"time"
)

// least is the time between two collections: each stops what runs for a moment and takes a core for longer, so whoever can send signals
// could otherwise keep the service busy with nothing else.
const least = 10 * time.Second

// order collects at most once in a while.
type order struct {
	mu   sync.Mutex
	last time.Time
	now  func() time.Time
	free func()
}

var orders = &order{now: time.Now, free: debug.FreeOSMemory}

// carryOut reports whether it has collected.
func (o *order) carryOut() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	if !o.last.IsZero() && now.Sub(o.last) < least {
		return false
	}
	o.free()
	o.last = now
	return true
}

// OnSignal collects and releases memory each time the process gets one of the signals, at most once in ten seconds. stop ends
// that and waits for a collection under way; it is idempotent. Safe for concurrent use.
func OnSignal(signals ...os.Signal) (stop func()) {
	received, done, ended := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(received, signals...)
	go func() {
		defer close(ended)
		for {
			select {
			case s := <-received:
				slog.Info("stability: memory released by order", "signal", s.String(), "collected", orders.carryOut())
			case <-done:
				return
			}
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() { signal.Stop(received); close(done) })
		<-ended
	}
}

// Handler collects and releases memory on POST, at most once in ten seconds: 204 when it has, 429 when it was too soon. Serve it
// where only operators reach it.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			w.WriteHeader(http.StatusMethodNotAllowed)
		case orders.carryOut():
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Retry-After", "10")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
}
