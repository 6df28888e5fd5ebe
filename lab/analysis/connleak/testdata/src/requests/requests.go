// Package requests gets its pools while it serves requests, once or each time.
package requests

import (
	"database/sql"
	"net/http"
	"sync"
)

type app struct {
	dsn   string
	once  sync.Once
	db    *sql.DB
	err   error
	pools map[string]*sql.DB
}

func (a *app) connect() (*sql.DB, error) { return sql.Open("d", a.dsn) }

func (a *app) tuned() (*sql.DB, error) {
	db, err := a.connect()
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	return db, nil
}

func (a *app) single() *sql.DB { return sql.OpenDB(nil) }

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	db, err := a.connect() // want `^connect for each request: it makes a new pool`
	if err != nil {
		return
	}
	defer db.Close()
	db, err = a.tuned() // want `tuned for each request: it makes a new pool`
	if err != nil {
		return
	}
	db.PingContext(r.Context())
	one := a.single() // want `single for each request`
	go func() { one.Ping() }()
	(&repo{db: sql.OpenDB(nil)}).ping() // want `sql.OpenDB for each request`
}

type repo struct{ db *sql.DB }

func (r *repo) ping() {}

// pool opens it once.
func (a *app) pool() (*sql.DB, error) {
	a.once.Do(func() { a.db, a.err = sql.Open("d", a.dsn) })
	return a.db, a.err
}

func (a *app) tenant(name string) (*sql.DB, error) {
	if db := a.pools[name]; db != nil {
		return db, nil
	}
	db, err := sql.Open("d", name)
	if err != nil {
		return nil, err
	}
	a.pools[name] = db
	return db, nil
}

func (a *app) shared(w http.ResponseWriter, r *http.Request) {
	if db, err := a.pool(); err == nil {
		db.PingContext(r.Context())
	}
	if db, err := a.tenant(r.Host); err == nil {
		db.PingContext(r.Context())
	}
}

func (a *app) lazily(w http.ResponseWriter, r *http.Request) {
	if a.db == nil {
		a.db, a.err = sql.Open("d", a.dsn)
	}
	if a.pools[r.Host] == nil {
		db, err := a.connect()
		if err != nil {
			return
		}
		a.keep(r.Host, db)
	}
}

func (a *app) keep(name string, db *sql.DB) { a.pools[name] = db }

var tenants sync.Map

func cached(w http.ResponseWriter, r *http.Request) {
	db, err := sql.Open("d", r.Host)
	if err != nil {
		return
	}
	tenants.Store(r.Host, db)
}
