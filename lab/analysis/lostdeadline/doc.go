// Package lostdeadline finds places where a deadline or a cancellation gets lost (docs/guide/whitepaper.md §3.1).
//
// In a function that has a context, or an *http.Request, which has one, it reports
//
//   - context.Background() and context.TODO() handed on, unless as parent of context.WithTimeout or WithDeadline, which
//     is detached work with a time of its own, or to who takes it for its values only (pprof, slog);
//   - context.WithoutCancel(ctx) without a time-out, where it waits for a connection of a pool of database/sql, sqlx or pgx;
//   - http.NewRequest, http.Get and the like, net.Dial, exec.Command and the methods of database/sql that take no context;
//   - loops that sleep, with time.Sleep or by a receive from time.After, and never learn that the context has ended: they
//     neither ask it, nor one derived from it, nor end by the error of a call that is given it;
//   - a framework's context, such as *gin.Context, passed as context.Context: its Done channel is nil unless the engine
//     was told otherwise, so nobody ever cancels it.
//
// Everywhere outside of tests and examples it reports http.Get and the like, whose client has no timeout; an
// http.Client without Timeout that makes a request without a context, or of which that is not known in a package whose requests
// have none; http.ListenAndServe and http.Server without any read timeout; and io.ReadAll of an unlimited body. Timeouts may be
// assigned after the literal, and so may a Body with a limit, in the function or in a middleware of the package.
//
// A fix is offered where the same call with the context is the same but for its end: not for what is deferred, started by a go
// statement, cleans up, or is a process that lives on. Such work says so: context.WithTimeout(context.WithoutCancel(ctx), d).
package lostdeadline
