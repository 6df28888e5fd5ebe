package stability

import (
	"fmt"
	"time"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

// What a replay takes at most. A recording may come from anybody, and each of its instances costs as much history as the
// check's windows ask for, whether it has one reading or thousands.
const (
	replayReadings  = recordingReadings
	replayInstances = 16 << 10
	replayBytes     = 512 << 20
)

// bounded reports what is larger in a recording than a monitor makes it.
func (r *Recording) bounded() error {
	if n := len(r.Evaluated); n > evaluationsKept {
		return fmt.Errorf("the check was judged at %d moments, more than %d", n, evaluationsKept)
	}
	readings, instances := 0, 0
	for _, h := range r.Signals {
		instances += len(h.Instances)
		for _, in := range h.Instances {
			readings += max(len(in.At), len(in.Values))
		}
	}
	switch {
	case instances > replayInstances:
		return fmt.Errorf("%d instances, more than %d", instances, replayInstances)
	case readings > replayReadings:
		return fmt.Errorf("%d readings, more than %d", readings, replayReadings)
	}
	return nil
}

// affordable reports whether the histories that the check needs would take too much memory.
func (r *Recording) affordable(store *signals.Store, program *expr.Program) error {
	const perReading = 16 // bytes, in a Series
	windows := make(map[string]time.Duration)
	for _, w := range program.Windows() {
		windows[store.Schema().Desc(w.ID).Name] = w.Window
	}
	bytes := int64(0)
	for _, h := range r.Signals {
		kept := min(int64(windows[h.Desc.Name]), int64(store.Reach()))/int64(store.Resolution()) + 8
		bytes += int64(len(h.Instances)) * kept * perReading
	}
	if bytes > replayBytes {
		return fmt.Errorf("its instances and windows would take %d MiB, more than %d", bytes>>20, replayBytes>>20)
	}
	return nil
}
