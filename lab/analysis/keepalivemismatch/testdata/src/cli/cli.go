// Package cli knows of no server. // want package:"2 clients, 0 policies"
package cli

import (
	"time"

	"google.golang.org/grpc/keepalive"
)

var Often = keepalive.ClientParameters{Time: 20 * time.Second}

var Rare = keepalive.ClientParameters{Time: 10 * time.Minute}
