package stability

import (
	"context"
	"log/slog"
	"runtime/debug"
)

// survive ends a goroutine of the monitor's own that panics, and not the service: the watch is over then, and says so by
// being stale (hazard 4). It is to be deferred.
func (m *Monitor) survive() {
	if reason := recover(); reason != nil {
		m.log(slog.LevelError, "stability: the monitor has died of a mistake of its own; the service goes on unwatched",
			"reason", reason, "stack", string(debug.Stack()))
	}
}

// log writes to the service's logger, which is the service's code: a panic in it costs the record.
func (m *Monitor) log(level slog.Level, message string, args ...any) {
	defer func() { _ = recover() }() //stability:ignore panicpath the logger is the only way to tell, and it has just panicked
	m.cfg.Logger.Log(context.Background(), level, message, args...)
}
