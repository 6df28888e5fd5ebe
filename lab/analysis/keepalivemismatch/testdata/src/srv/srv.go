// Package srv knows of no client. // want package:"0 clients, 1 policies"
package srv

import (
	"time"

	"google.golang.org/grpc/keepalive"
)

var Policy = keepalive.EnforcementPolicy{MinTime: time.Minute}
