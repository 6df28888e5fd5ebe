package a // want package:"2 clients, 1 policies"

import (
	"time"

	"b"
	"google.golang.org/grpc/keepalive"
)

var _ = b.Client

var server = keepalive.EnforcementPolicy{MinTime: 30 * time.Second} // want `\(the client is at b.go:9\)`

var client = keepalive.ClientParameters{Time: 5 * time.Second} // want `below 10s` `Time 5s is below the server's MinTime 30s`

var quiet = keepalive.ClientParameters{Time: time.Minute, PermitWithoutStream: true} // want `pings without streams`
