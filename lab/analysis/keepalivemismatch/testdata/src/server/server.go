package server // want package:"1 clients, 0 policies"

import (
	"flag"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

var least = flag.Duration("min-time", 20*time.Second, "")

// The policy has a time that is only known at run time: nobody can say that the server has none.
func server() *grpc.Server {
	return grpc.NewServer(grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: *least}))
}

var params = keepalive.ClientParameters{Time: 30 * time.Second}
