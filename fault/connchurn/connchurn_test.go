package connchurn

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/signals/httpclient"
	"github.com/falsifiable/stability/signals/sqldb"
)

// Each request takes a connection of its own while the fault lasts, and nothing else about it changes.
func TestRequestsTakeConnectionsOfTheirOwn(t *testing.T) {
	var made atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			made.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := &http.Client{Transport: httpclient.New(httpclient.Config{}).Transport(new(http.Transport))}
	defer client.CloseIdleConnections()
	ask := func() {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); string(body) != "ok" || err != nil || response.Request != request || request.Close {
			t.Errorf("answered %q, %v to %p (close: %t), want ok to %p", body, err, response.Request, request.Close, request)
		}
	}
	injection, err := Fault.Inject(t.Context(), nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	for faulttest.Until(t, func() bool { ask(); return injection.Witness().Active }) && made.Load() < 10 {
	}
	if w := injection.Witness(); w.Value < 8 || !w.Active {
		t.Errorf("witness = %+v after %d connections", w, made.Load())
	}
	faulttest.Remove(t, injection)
	ask()
	before := made.Load()
	for range 10 {
		ask()
	}
	if n := made.Load() - before; n != 0 {
		t.Errorf("%d connections made for 10 requests after removal, want none", n)
	}
}

// database counts the connections that are made to it.
type database struct{ made atomic.Int64 }

func (d *database) Connect(context.Context) (driver.Conn, error) { d.made.Add(1); return d, nil }
func (d *database) Driver() driver.Driver                        { return nil }
func (d *database) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("no statements") }
func (d *database) Begin() (driver.Tx, error)                    { return nil, errors.New("no transactions") }
func (d *database) Close() error                                 { return nil }

func TestConnectionsToDatabasesAreMadeAgain(t *testing.T) {
	d := new(database)
	db := sqldb.New(sqldb.Config{}).OpenDB("orders", d)
	defer db.Close()
	ask := func() {
		if err := db.PingContext(t.Context()); err != nil {
			t.Error(err)
		}
	}
	injection, err := Fault.Inject(t.Context(), fault.Settings{"where": "query"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !faulttest.Until(t, func() bool { ask(); return injection.Witness().Active && d.made.Load() > 10 }) {
		t.Errorf("%d connections made, witness %+v", d.made.Load(), injection.Witness())
	}
	faulttest.Remove(t, injection)
	before := d.made.Load()
	for range 10 {
		ask()
	}
	if n := d.made.Load() - before; n > 1 {
		t.Errorf("%d connections made for 10 queries after removal, want at most one", n)
	}
}
