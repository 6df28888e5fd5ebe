package idempotency

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
)

// TestRedisHop is the row of Redis in the table of defense/deadline's TestConformance (R55): a command is canceled with its
// caller and ends with its deadline, while Redis hangs. The command without the context stands there too, to show that the
// table can tell.
func TestRedisHop(t *testing.T) {
	for _, test := range []struct {
		name              string
		send              func(context.Context, redis.Conn) error
		cancels, deadline bool
	}{
		{"DoContext", func(ctx context.Context, c redis.Conn) error {
			_, err := redis.DoContext(c, ctx, "GET", "x")
			return err
		}, true, true},
		{"Do: the context is lost", func(_ context.Context, c redis.Conn) error { _, err := c.Do("GET", "x"); return err }, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			canceled, cancel := context.WithCancel(t.Context())
			if got := ends(t, canceled, test.send, cancel, context.Canceled, test.cancels); got != test.cancels {
				t.Errorf("is canceled: %t, want %t", got, test.cancels)
			}
			bounded, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if got := ends(t, bounded, test.send, func() {}, context.DeadlineExceeded, test.deadline); got != test.deadline {
				t.Errorf("carries the deadline: %t, want %t", got, test.deadline)
			}
		})
	}
}

// ends sends a command to a Redis that takes it and never answers, ends its context, and reports whether the command ended for
// that reason. One that does not is ended by its connection: soon, or, if it should end by itself, when a busy machine has had time enough.
func ends(t *testing.T, ctx context.Context, send func(context.Context, redis.Conn) error, cancel func(), why error, should bool) bool {
	t.Helper()
	near, far := net.Pipe()
	arrived := make(chan struct{})
	go func() {
		_, _ = far.Read(make([]byte, 64))
		close(arrived)
		_, _ = io.Copy(io.Discard, far)
	}()
	conn := redis.NewConn(near, 0, 0)
	result := make(chan error, 1)
	go func() { result <- send(ctx, conn) }()
	<-arrived
	cancel()
	<-ctx.Done()
	limit := 300 * time.Millisecond
	if should {
		limit = 20 * time.Second
	}
	patience := time.NewTimer(limit)
	defer patience.Stop()
	select {
	case err := <-result:
		// The client hands the context's deadline to its socket, which may notice before the context does.
		return errors.Is(err, why) || why == context.DeadlineExceeded && errors.Is(err, os.ErrDeadlineExceeded)
	case <-patience.C:
		_ = far.Close()
		<-result
		return false
	}
}
