// Package later sets timeouts after the literal.
package later

import (
	"net/http"
	"time"
)

type app struct {
	srv    *http.Server
	client http.Client
	other  *http.Server
}

type served struct {
	http.Server
	name string
}

func variable(h http.Handler, d time.Duration) (*http.Server, *http.Client) {
	srv := &http.Server{Handler: h}
	srv.ReadHeaderTimeout = d
	c := http.Client{}
	c.Timeout = d
	return srv, &c
}

var shared = &http.Client{}

func init() { shared.Timeout = time.Second }

func wrongField(h http.Handler) *http.Server {
	srv := &http.Server{Handler: h} // want `http.Server without ReadHeaderTimeout`
	srv.WriteTimeout = time.Second
	return srv
}

func wrongVariable(h http.Handler) {
	a, b := &http.Server{Handler: h}, &http.Server{Handler: h} // want `http.Server without ReadHeaderTimeout`
	b.ReadTimeout = time.Second
	_ = a
}

func field(h http.Handler) *app {
	a := &app{srv: &http.Server{Handler: h}, client: http.Client{}}
	a.srv.ReadTimeout = time.Second
	a.client.Timeout = time.Second
	a.other = &http.Server{Handler: h} // want `http.Server without ReadHeaderTimeout`
	return a
}

func embedded(h http.Handler) *served {
	s := &served{Server: http.Server{Handler: h}, name: "s"}
	s.ReadTimeout = time.Second
	return s
}

func options(opts ...func(*http.Client)) *http.Client {
	c := &http.Client{}
	for _, o := range opts {
		o(c)
	}
	return c
}

type option func(*http.Server)

func namedOptions(h http.Handler, opts []option) *http.Server {
	s := &http.Server{Handler: h}
	for _, o := range opts {
		o(s)
	}
	return s
}

func helper(h http.Handler) *http.Server {
	s := &http.Server{Handler: h}
	defaults(s)
	return s
}

func defaults(s *http.Server) { s.ReadHeaderTimeout = time.Second }

func noHelp(h http.Handler) *http.Server {
	s := &http.Server{Handler: h} // want `http.Server without ReadHeaderTimeout`
	logs(s)
	return s
}

func logs(s *http.Server) { s.ErrorLog = nil }
