// Package connleak is a root cause (docs/guide/whitepaper.md §3.3): database connections which are taken and never given back.
//
// # What it is
//
// Rows that nobody closes because the loop over them was left early, a transaction that is neither committed nor rolled back
// on one path of many, a sql.Conn or a prepared statement that is forgotten. Each keeps a connection for as long as
// the process lives: neither ConnMaxLifetime nor the garbage collector takes it back. (A missing db.Close is none of it: a
// sql.DB lives as long as the process.)
//
// # How it looks
//
// Connections in use climb and never fall, at night as by day, until they are as many as there may be. Then every caller
// waits until its deadline, and a restart helps for as long as it took the last time.
//
// # Why these thresholds
//
// The check does not wait for the pool to be empty. A connection that one place in the code has held for longer than the limit
// of signals/sqldb (30 s) is overdue; that one place has some overdue all the time for five minutes is no slow query
// any more. The violation names the place, and whether rows, a transaction or a connection was left open.
//
// # Limits
//
// Only pools opened through signals/sqldb are seen. A job which by design holds a connection for more than five minutes is
// reported: give its pool a HoldLimit of its own. Of an object-relational mapper the place named is inside of it.
//
// # Sources
//
// docs/guide/whitepaper.md §3.3.
package connleak
