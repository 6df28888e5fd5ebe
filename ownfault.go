package stability

import (
	"context"
	"fmt"

	"github.com/falsifiable/stability/internal/faultpoint"
)

// RegisterFault tells stability falsify how to move a gauge of the service's own, so that a check on it is tried with real
// readings and not with made-up ones:
//
//	stability.RegisterFault("fillqueue", "app.queue.depth", func(ctx context.Context, depth float64) error {
//		return queue.Fill(ctx, int(depth)) // holds it until ctx is done, and empties it
//	})
//
// drive brings the signal to about value, in its basic unit, holds it there until ctx is done, undoes it and returns. The name is
// one lower-case word, by which falsify.yaml may ask for it too. Only the fault agent calls drive, and only falsify
// builds that into a service; in production nothing calls it. If drive panics or returns an error, the fault did not take effect.
//
// Like RegisterContract it belongs in an init function or at the top of main, and panics if a name is wrong or is there
// already. Safe for concurrent use.
func RegisterFault(name, signal string, drive func(ctx context.Context, value float64) error) {
	if err := faultpoint.RegisterOwn(faultpoint.Own{Name: name, Signal: signal, Drive: drive}); err != nil {
		panic(fmt.Errorf("stability: %w", err))
	}
}
