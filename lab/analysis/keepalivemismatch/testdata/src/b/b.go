package b // want package:"1 clients, 0 policies"

import (
	"time"

	"google.golang.org/grpc/keepalive"
)

var Client = keepalive.ClientParameters{Time: 10 * time.Second}
