package health

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrIncomplete is the error of [Pull] when the configuration was pulled and is not whole.
var ErrIncomplete = errors.New("the configuration is not complete")

// SQL returns a check that pings a database, and says so when it got no connection because all are in use: then it is
// the pool that is wrong, and not the database.
func SQL(db *sql.DB) func(context.Context) error {
	return func(ctx context.Context) error {
		err := db.PingContext(ctx)
		if s := db.Stats(); err != nil && ctx.Err() != nil && s.MaxOpenConnections > 0 && s.InUse >= s.MaxOpenConnections {
			return fmt.Errorf("no connection came free: %d of %d are in use: %w", s.InUse, s.MaxOpenConnections, err)
		}
		return err
	}
}

// SQLPool returns a check, for a Local component, that a pool of connections is not wedged: that callers who wait for one get
// one. It fails when all connections are in use, somebody waits, and for as long as patience nobody has got any. It asks the
// database nothing; name the component that does as its [Component.Excuse]. Patience defaults to 2 s.
func SQLPool(db *sql.DB, patience time.Duration) func(context.Context) error {
	if patience <= 0 {
		patience = 2 * time.Second
	}
	return PoolOf(db.Stats, patience)
}

// PoolOf is [SQLPool] for any pool with the statistics of database/sql.
func PoolOf(stats func() sql.DBStats, patience time.Duration) func(context.Context) error {
	var mu sync.Mutex
	var waits int64
	var waited time.Duration
	stuck := time.Time{}
	return func(context.Context) error {
		s := stats()
		mu.Lock()
		defer mu.Unlock()
		// WaitCount counts who begins to wait, WaitDuration grows when somebody ends: begun and not ended is stuck.
		moved := s.WaitDuration != waited || s.MaxOpenConnections == 0 || s.InUse < s.MaxOpenConnections
		begun := s.WaitCount > waits
		waited = s.WaitDuration
		if moved {
			waits, stuck = s.WaitCount, time.Time{}
			return nil
		}
		if begun && stuck.IsZero() {
			stuck = time.Now()
		}
		if stuck.IsZero() || time.Since(stuck) < patience {
			return nil
		}
		return fmt.Errorf("the pool is wedged: %d of %d connections are in use, and of %d callers who wait nobody got one for %v",
			s.InUse, s.MaxOpenConnections, s.WaitCount-waits, time.Since(stuck).Round(time.Millisecond))
	}
}

// HTTP returns a check that gets the URL and wants a status of 200 to 299. The client defaults to one of its own that
// keeps no connection.
func HTTP(client *http.Client, target string) func(context.Context) error {
	if client == nil {
		client = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}
	}
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(r)
		if err != nil {
			var withURL *url.Error // it holds the URL, whose password is left out by net/http and whose query is not
			if errors.As(err, &withURL) {
				err = fmt.Errorf("GET %s://%s%s: %w", r.URL.Scheme, r.URL.Host, r.URL.Path, withURL.Err)
			}
			return err
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // for the error only
		if resp.StatusCode < 200 || resp.StatusCode > 299 {
			return fmt.Errorf("GET %s://%s%s: %s: %s", r.URL.Scheme, r.URL.Host, r.URL.Path, resp.Status, strings.TrimSpace(string(body)))
		}
		return nil
	}
}

// Pulled is a configuration that was pulled from somewhere.
type Pulled struct {
	Values map[string]string
	// Body and SHA256, if given, are what was pulled and its sum in hex, as its publisher states it.
	Body   []byte
	SHA256 string
}

// Pull returns a check that a configuration can be pulled and is whole: every required key is there and not empty, and the sum
// is right. An incomplete one is [ErrIncomplete], and the error names every key.
func Pull(fetch func(context.Context) (Pulled, error), required ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		p, err := fetch(ctx)
		if err != nil {
			return err
		}
		var missing []string
		for _, key := range required {
			if p.Values[key] == "" {
				missing = append(missing, key)
			}
		}
		slices.Sort(missing)
		sum := sha256.Sum256(p.Body)
		switch {
		case len(missing) > 0:
			return fmt.Errorf("%w: of %d required keys %d are missing: %s", ErrIncomplete, len(required), len(missing), strings.Join(missing, ", "))
		case p.SHA256 != "" && !strings.EqualFold(p.SHA256, hex.EncodeToString(sum[:])):
			return fmt.Errorf("%w: %d bytes were pulled whose sum is %x and not %s", ErrIncomplete, len(p.Body), sum[:4], short8(p.SHA256))
		}
		return nil
	}
}

func short8(s string) string { return s[:min(len(s), 8)] }

// File returns a check that a file is there, is no directory, can be read and is not empty.
func File(name string) func(context.Context) error {
	return func(context.Context) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is not a regular file: %v", name, info.Mode().Type())
		case info.Size() == 0:
			return fmt.Errorf("%s is empty", name)
		}
		_, err = f.Read(make([]byte, 1))
		return err
	}
}

// Port returns a check that something accepts connections at a TCP address, such as the service's own listener.
func Port(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// Filled returns a check that at least that share of a pool or a cache is there, such as 0.8. have tells how much there is, and
// how much there is when it is full.
func Filled(share float64, have func() (now, full int)) func(context.Context) error {
	return func(context.Context) error {
		now, full := have()
		if float64(now) < share*float64(full) {
			return fmt.Errorf("%d of %d, want %.0f%%", now, full, 100*share)
		}
		return nil
	}
}

// Locks returns a check, for a [Vital] component, that takes a lock and gives it back. It hangs as long as somebody holds it.
func Locks(l sync.Locker) func(context.Context) error {
	return func(context.Context) error {
		l.Lock()
		l.Unlock() //nolint:staticcheck // an empty section is the point: that it can be entered
		return nil
	}
}

// Requests returns a check, for a [Vital] component, that sends a request for a path of the service itself through its
// handler, without the network. It hangs as long as the handler does; what it answers does not matter. Choose a path that
// waits for no other service.
func Requests(handler http.Handler, path string) func(context.Context) error {
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path, nil)
		if err != nil {
			return err
		}
		r.RemoteAddr, r.RequestURI = "127.0.0.1:0", path
		handler.ServeHTTP(nowhere{}, r)
		return nil
	}
}

// nowhere is a response that nobody reads.
type nowhere struct{}

func (nowhere) Header() http.Header         { return make(http.Header) }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}
