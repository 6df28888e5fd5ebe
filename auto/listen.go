package auto

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"
)

// private marks requests that came in by a listener which only this machine reaches.
type private struct{}

// listen serves all pages on an address of their own.
func (w *Watch) listen() error {
	listener, local, err := open(w.config.Listen)
	if err != nil {
		return fmt.Errorf("listening on %s (Config.Listen, STABILITY_LISTEN): %w", w.config.Listen, err)
	}
	w.server = &http.Server{
		Handler: w.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return context.WithValue(context.Background(), private{}, local) },
	}
	w.address = listener.Addr()
	w.config.Logger.Info("stability: serving", "address", w.address.String())
	go func() {
		if err := w.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			w.config.Logger.Warn("stability: no longer serving", "address", w.config.Listen, "reason", err)
		}
	}()
	return nil
}

// open opens a TCP address or, after "unix:", a socket for this user alone; it reports whether only this machine reaches it.
func open(address string) (listener net.Listener, local bool, err error) {
	path, isUnix := strings.CutPrefix(address, "unix:")
	if !isUnix {
		listener, err = net.Listen("tcp", address)
		if err != nil {
			return nil, false, err
		}
		return listener, listener.Addr().(*net.TCPAddr).IP.IsLoopback(), nil
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		if conn, err := net.Dial("unix", path); err == nil {
			conn.Close()
			return nil, false, errors.New("somebody serves there already")
		}
		os.Remove(path) // of a process that has died
	}
	if listener, err = net.Listen("unix", path); err != nil {
		return nil, false, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, false, err
	}
	return listener, true, nil
}

// isPrivate reports whether a request came in by a listener of ours that only this machine reaches. On the service's own
// address nothing tells a person at this machine from a proxy that forwards for the world: the client chooses the Host, and a
// missing header proves nothing. The Host counts here all the same, against a page in a local browser that was made to ask
// by a name of its own (DNS rebinding).
func isPrivate(r *http.Request) bool {
	if local, _ := r.Context().Value(private{}).(bool); !local {
		return false
	}
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr.Network() == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	asked, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && asked.Unmap().IsLoopback()
}
