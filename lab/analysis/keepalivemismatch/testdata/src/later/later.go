// Package later sets fields after the literal, or at run time. // want package:"5 clients, 2 policies"
package later

import (
	"time"

	"google.golang.org/grpc/keepalive"
)

var policy = keepalive.EnforcementPolicy{MinTime: time.Minute}

func literal() keepalive.ClientParameters {
	kp := keepalive.ClientParameters{Timeout: time.Second} // want `Time 20s is below the server's MinTime 1m0s`
	kp.Time = 20 * time.Second
	return kp
}

func zero() keepalive.ClientParameters {
	var kp keepalive.ClientParameters
	kp.Time = 30 * time.Second // want `Time 30s is below the server's MinTime 1m0s`
	return kp
}

func mended() *keepalive.ClientParameters {
	kp := &keepalive.ClientParameters{Time: 20 * time.Second}
	kp.Time = 2 * time.Minute
	return kp
}

func streams(quiet bool) keepalive.ClientParameters {
	return keepalive.ClientParameters{Time: 2 * time.Minute, PermitWithoutStream: quiet}
}

func configured(d time.Duration, other keepalive.ClientParameters) {
	a := keepalive.ClientParameters{Time: 20 * time.Second}
	a.Time = d
	b := keepalive.ClientParameters{Time: 20 * time.Second}
	b = other
	_ = b
}

func always() keepalive.ClientParameters {
	kp := keepalive.ClientParameters{Time: 2 * time.Minute} // want `pings without streams`
	kp.PermitWithoutStream = true
	return kp
}

// tune changes one field of a policy that is not known here.
func tune(p *keepalive.EnforcementPolicy) { p.PermitWithoutStream = true }

func permits(quiet bool) keepalive.EnforcementPolicy {
	return keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: quiet}
}
