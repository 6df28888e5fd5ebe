package deadline

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/falsifiable/stability/internal/requests"
)

// Server gives the requests of an HTTP server their deadline. The zero value takes no header from anybody and sets no
// deadline. A Server is safe for concurrent use once its fields are set.
type Server struct {
	// Trust reports whether the budget that a request's header carries is to be believed. From peers that it is not,
	// the header is ignored and removed, so that no proxy behind passes it on: a stranger could otherwise make
	// the service give up each request halfway, after the costly half. Defaults to trusting nobody; see [TrustNetworks].
	Trust func(*http.Request) bool
	// Timeout is the deadline of requests that bring none, and the most that one may bring: a header only shortens
	// it. Defaults to no limit.
	Timeout time.Duration
}

// TrustNetworks returns a [Server.Trust] which believes the peers whose address is in one of the networks. What counts is
// the address of the connection: headers such as X-Forwarded-For can be written by anybody.
func TrustNetworks(networks ...netip.Prefix) func(*http.Request) bool {
	return func(r *http.Request) bool {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			return false
		}
		addr := peer.Addr().Unmap().WithZone("")
		for _, n := range networks {
			if n.Contains(addr) {
				return true
			}
		}
		return false
	}
}

// Middleware returns a handler which gives each request's context its deadline and calls next; nil stands for
// http.DefaultServeMux. A request whose budget is used up already is answered with 504 Gateway Timeout, and next is not
// called. Answering one that runs out of time on the way is up to the handler: it sees its context end.
func (s Server) Middleware(next http.Handler) http.Handler {
	if next == nil {
		next = http.DefaultServeMux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		left, bounded := s.Timeout, s.Timeout > 0
		strip := false
		if _, there := r.Header[Header]; there {
			if s.Trust != nil && s.Trust(r) {
				if d, ok := FromHeader(r.Header); ok && (!bounded || d < left) {
					left, bounded = d, true
				}
			} else {
				strip = true
			}
		}
		if bounded && left <= 0 {
			http.Error(w, "no time is left for this request", http.StatusGatewayTimeout)
			return
		}
		s.serve(w, r, next, left, bounded, strip)
	})
}

// serve calls next with a request of its own where anything of it changes.
func (s Server) serve(w http.ResponseWriter, r *http.Request, next http.Handler, left time.Duration, bounded, strip bool) {
	if !bounded && !strip {
		next.ServeHTTP(w, r)
		return
	}
	ctx := r.Context()
	if bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, left)
		defer cancel()
	}
	inner, giveBack := requests.Copy(ctx, r)
	defer giveBack()
	if strip {
		inner.Header = r.Header.Clone()
		inner.Header.Del(Header)
	}
	next.ServeHTTP(w, inner)
}
