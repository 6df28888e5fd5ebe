// Package knows has a client that does not fit the server it imports, and is told so here. // want package:"1 clients, 0 policies"
package knows

import (
	"time"

	"google.golang.org/grpc/keepalive"
	"srv"
)

var _ = srv.Policy

var Client = keepalive.ClientParameters{Time: 40 * time.Second} // want `the server is at srv.go:10`
