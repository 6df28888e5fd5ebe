package bare // want package:"2 clients, 0 policies"

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// The server has no policy: what grpc-go enforces then is five minutes.
func server() *grpc.Server { return grpc.NewServer() }

var params = keepalive.ClientParameters{Time: 30 * time.Second} // want `client keepalive Time 30s is below the 5m0s that a server without EnforcementPolicy allows`

var patient = keepalive.ClientParameters{Time: 6 * time.Minute}
