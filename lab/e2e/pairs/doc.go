// Package pairs tries contracts on other people's libraries: in the last version that had a well-known bug they must fire,
// in the first without it they must stay silent.
//
//	go-sql-driver/mysql  1.4.1  1.5.0  a connection that the server has closed fails a query
//	gin                  1.7.7  1.8.1  a *gin.Context has neither the deadline nor the end of its request
//	jackc/puddle         2.2.0  2.2.1  a pool grows over its maximum
//	hellofresh/health-go 5.5.3  5.5.5  each check that times out leaves a goroutine behind
//
// Each is a module of its own in testdata, so that their versions never come into this module's go.mod.
package pairs
