// Package goroutineleak finds goroutines without a way out (docs/guide/whitepaper.md §2.2).
//
// It reports
//
//   - a goroutine that waits for a context which nobody can end any more, found by the search that channelblock describes;
//   - a cancel function kept in an unexported field or variable that no code of the package ever calls or hands on: the
//     lostcancel of vet looks into one function only;
//   - an errgroup.Group made in a function, given work by Go, and never waited for there nor handed on;
//   - a goroutine that loops on a ticker or a timer alone: no context, no channel and no return can end it. To range over a
//     ticker's channel is no end, because Stop does not close it, and the Done of context.Background is none either. What main,
//     an init, or a Once of the package starts may live as long as the process.
//   - a goroutine that only receives from channels in unexported fields which no code closes, of a type with a method Close,
//     Stop or Shutdown: that does not end it.
//
// WaitGroup.Add inside the goroutine it counts and a cancel function lost within one function are reported by vet's
// own passes, which the suite runs under this name.
//
// A ticker that is not stopped and an AfterFunc that is not stopped are not reported: since Go 1.23 the collector frees
// unreferenced timers, and an AfterFunc makes no goroutine before it fires.
package goroutineleak
