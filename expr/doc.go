// Package expr is the contract language: Go operands, PromQL ranges, unit literals, judged in three values.
//
//	runtime.NumGoroutine() > 2000
//	len(streamMap) > 1000 && time.Since(lastClose) > 5m
//	rate(http.server.request.error.count[1m]) / rate(http.server.request.count[1m]) > 5%
//	db.client.connection.count{pool="orders"} >= 0.9 * db.client.connection.max
//
// [Compile] turns text into a [Program]: it resolves names against a signals.Schema, checks dimensions (bytes are
// never compared with seconds, nor a rate with a total) and emits flat code for a small fixed stack, so that the cost of a
// check and the history it needs are known before it runs. [Program.Bind] makes an [Evaluator], which judges
// the program over the history in a signals.Store, once for each instance of the signals, and allocates nothing.
//
// A condition is True, False or Unknown, combined as Kleene did: what cannot be judged (a window not yet filled,
// a source that fell silent, a division by zero) is Unknown, and an Unknown condition neither fires nor clears
// a check. The result of a check is its violation: True means that the promise is broken.
//
// The reference is docs/reference/expr.md, generated from the tables of this package.
package expr
