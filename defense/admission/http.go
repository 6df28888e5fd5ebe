package admission

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Middleware sheds requests of an HTTP server: those turned away get status 503 and a Retry-After that differs from client to
// client, so that they do not all come back at once. All requests count as Default, but for health probes and
// metrics at their usual paths, which are Critical; for others use [Controller.MiddlewareBy].
//
// A request that lives long by design, such as a stream of events, should not pass: it counts as slow.
func (c *Controller) Middleware(next http.Handler) http.Handler {
	return c.MiddlewareBy(Probes, next)
}

// MiddlewareBy is [Controller.Middleware] with priorities by another rule, such as that of [Header].
func (c *Controller) MiddlewareBy(classify func(*http.Request) Priority, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		permit, err := c.Acquire(r.Context(), classify(r))
		if err != nil {
			w.Header().Set("Retry-After", c.retryAfter())
			http.Error(w, "overloaded: try again later", http.StatusServiceUnavailable)
			return
		}
		failed := true // unless the handler returns
		defer func() { permit.release(failed) }()
		next.ServeHTTP(w, r)
		failed = false
	})
}

// RetryAfter returns how long a client that was turned away should wait: half to one and a half of [Config.RetryAfter].
func (c *Controller) RetryAfter() time.Duration {
	return c.config.RetryAfter/2 + rand.N(max(c.config.RetryAfter, 1))
}

// retryAfter is [Controller.RetryAfter] in whole seconds, as the header has it.
func (c *Controller) retryAfter() string {
	return strconv.Itoa(max(1, int((c.RetryAfter() + time.Second/2).Seconds())))
}

// Probes classes requests to the usual paths of health probes and metrics as Critical and all others as Default.
func Probes(r *http.Request) Priority {
	switch r.URL.Path {
	case "/healthz", "/livez", "/readyz", "/startupz", "/metrics":
		return Critical
	}
	return Default
}

// Header returns a rule that takes the priority from a header, with the words critical, default and sheddable. From whom
// trusted does not name, the header may only lower the priority: anybody can call himself critical. Requests without
// it are classed by [Probes].
func Header(name string, trusted func(*http.Request) bool) func(*http.Request) Priority {
	return func(r *http.Request) Priority {
		own := Probes(r)
		p, ok := ParsePriority(r.Header.Get(name))
		if !ok || rank[p] < rank[own] && (trusted == nil || !trusted(r)) {
			return own
		}
		return p
	}
}
