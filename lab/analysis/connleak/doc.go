// Package connleak finds connections that are taken and not given back (docs/guide/whitepaper.md §3.3).
//
// It follows the results of type *sql.Rows, *sql.Tx, *sql.Conn, *sql.Stmt and *http.Response through each function. A
// result that stays in the function must be closed (a Tx: committed or rolled back) on every path to a return, except
// those on which its error is not nil. A result that is returned, stored, captured or given to a function that may close it
// is the affair of whoever has it then; helpers of the same package are looked into. A body read through an io.Reader
// parameter is not closed by that.
//
// A connection is taken by a function that makes it. One that hands out what is there already (from a field, a map, a
// context), or that keeps what it makes or sees to its closing, is not meant: functions of the package are looked into;
// functions of other packages, and methods of interfaces, are judged by their names when they return a *sql.Tx,
// *sql.Conn or *sql.Stmt.
//
// Types that embed or wrap one of these (sqlx), the rows, transactions and connections of pgx, transactions of gorm, and
// others that have both Commit and Rollback, count too.
//
// It also reports a pool (sql.Open, grpc.NewClient, pgxpool.New, redis.NewClient and the like, or a factory of another package
// whose name says that it makes one) in a function that serves one request, or in one of the package that it calls, where each
// call makes a new pool, unless the pool is kept for the next request. Handlers of net/http, gin, echo, fiber and others, gRPC
// methods and consumers of messages serve requests. It reports a deferred Close inside a loop, which gives nothing back before
// the function ends; a query on the pool while a transaction or rows of the same pool are open, in the same function or in one
// that it calls and that knows of no transaction, which deadlocks when a limited pool is full of those; and
// CloseIdleConnections in a RoundTrip.
//
// A leaked sql.Rows is never reclaimed, not even by ConnMaxLifetime.
package connleak
