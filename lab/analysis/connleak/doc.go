// Package connleak finds connections that are taken and not given back (whitepaper §3.3, demand R64, erratum E26).
//
// It follows the results of type *sql.Rows, *sql.Tx, *sql.Conn, *sql.Stmt and *http.Response through each function. A
// result that stays in the function must be closed (a Tx: committed or rolled back) on every path to a return, except
// those on which its error is not nil. A result that is returned, stored, captured or given to a function that may close it
// is the affair of whoever has it then; helpers of the same package are looked into. A body read through an io.Reader
// parameter is not closed by that.
//
// It also reports sql.Open, sql.OpenDB and grpc.NewClient in a function that serves one request, where each call makes a new
// pool; a deferred Close inside a loop, which gives nothing back before the function ends; and a query on the pool
// while a transaction of the same pool is open in the same function, which deadlocks when the pool is full of those.
//
// A leaked sql.Rows is never reclaimed, not even by ConnMaxLifetime.
package connleak
