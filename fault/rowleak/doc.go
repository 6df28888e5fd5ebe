// Package rowleak takes connections of the service's database pools and does not give them back (docs/guide/whitepaper.md §3.3): the rows of
// a query that nobody closes, a transaction that nobody ends, a sql.Conn that nobody returns.
//
// It finds the pools that were opened through signals/sqldb. What it does is what the bug does: the connection stays in use,
// nothing that database/sql has takes it back, and once the pool is at its limit everybody waits. On removal all is closed
// and the connections are as good as before.
package rowleak
