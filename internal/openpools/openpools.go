// Package openpools lists the database pools that were opened through signals/sqldb.
//
// The fault room lies beside signal and cannot import it, but its faults need the pools of the service that they are to
// harm. A pool that nobody uses any more is forgotten.
package openpools

import (
	"database/sql"
	"slices"
	"sync"
	"weak"
)

// Pool is one open database.
type Pool struct {
	Name string
	DB   *sql.DB
}

type entry struct {
	name string
	db   weak.Pointer[sql.DB]
}

var (
	mu   sync.Mutex
	list []entry
)

// Add lists a pool; one of the same name is replaced, as it is in the signals. Safe for concurrent use.
func Add(name string, db *sql.DB) {
	mu.Lock()
	defer mu.Unlock()
	list = slices.DeleteFunc(list, func(e entry) bool { return e.name == name || e.db.Value() == nil })
	list = append(list, entry{name, weak.Make(db)})
}

// List returns the pools, in the order in which they were opened.
func List() (pools []Pool) {
	mu.Lock()
	defer mu.Unlock()
	for _, e := range list {
		if db := e.db.Value(); db != nil {
			pools = append(pools, Pool{e.name, db})
		}
	}
	return pools
}
