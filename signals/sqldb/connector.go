package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"time"

	"github.com/falsifiable/stability/internal/faultpoint"
)

// dsnConnector is the connector of a driver which has none of its own.
type dsnConnector struct {
	driver driver.Driver
	dsn    string
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c dsnConnector) Driver() driver.Driver                        { return c.driver }

// wrappedConnector makes wrapped connections.
type wrappedConnector struct {
	inner  driver.Connector
	pool   *pool
	closed func() // called when the database is closed
}

func (c *wrappedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	begun := time.Since(c.pool.epoch)
	err := faultpoint.Pass(ctx, faultpoint.Connect)
	var inner driver.Conn
	if err == nil {
		inner, err = c.inner.Connect(ctx)
	}
	if err != nil {
		if !errors.As(err, new(notTried)) {
			c.pool.failed.Add(1)
		}
		return nil, err
	}
	c.pool.made.Add(1)
	c.pool.create.Add(time.Since(c.pool.epoch) - begun)
	made := &conn{inner: inner, hold: hold{pool: c.pool}}
	var s stack
	s.capture()
	if !s.opened() {
		made.takeAt(s)
	}
	return made.expose(), nil
}

// notTried marks the error of an attempt that was not made, as defense/reconnect does.
type notTried interface{ NotTried() }

// Driver returns the driver underneath, as sql.DB.Driver's callers expect.
func (c *wrappedConnector) Driver() driver.Driver { return c.inner.Driver() }

// Close closes the connector underneath if it can be closed, as sql.DB.Close does, which has called it.
func (c *wrappedConnector) Close() error {
	c.closed()
	if closer, ok := c.inner.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// Raw returns the driver's own connection behind the one that sql.Conn.Raw gives its function, which it returns as it is
// if it was not wrapped.
func Raw(driverConn any) any {
	if wrapped, ok := driverConn.(interface{ rawConn() driver.Conn }); ok {
		return wrapped.rawConn()
	}
	return driverConn
}
