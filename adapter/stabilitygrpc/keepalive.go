package stabilitygrpc

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// ErrKeepalive is what every pair of keepalive settings is that cannot work.
var ErrKeepalive = errors.New("stabilitygrpc: keepalive mismatch")

// What gRPC does when nobody says otherwise.
const (
	// DefaultMinTime is what a server permits whose owner has not said anything: one ping in five minutes.
	DefaultMinTime = 5 * time.Minute
	// LeastTime is what grpc-go raises a client's shorter Time to.
	LeastTime = 10 * time.Second
)

// Keepalive is what both ends of a connection do about pings (docs/guide/whitepaper.md §3.2; gRFC A8). State it once, in a package that
// client and server share, and make the options of both from it. The zero Keepalive is gRPC's own: the client does not
// ping, and the server permits a ping in five minutes.
//
// A client that pings more often than its server permits is punished: at the third ping too many the server sends GOAWAY
// with ENHANCE_YOUR_CALM, "too_many_pings", and closes the connection; the calls on it fail with UNAVAILABLE. That takes
// four times Time on a silent connection, and never shows on a busy one, because each answer forgives. So it is found
// at night, in production.
type Keepalive struct {
	// Time is how long the connection is silent before the client pings. grpc-go makes 10 s of anything shorter.
	// Defaults to 0: the client never pings.
	Time time.Duration
	// Timeout is how long the client waits for the answer before it gives the connection up. Defaults to 20 s.
	Timeout time.Duration
	// IdlePings makes the client ping also while there are no calls, and the server permit it. Defaults to false.
	IdlePings bool

	// MinTime is the least time between pings that the server permits. Whoever does not own the server writes what its
	// owners say. Defaults to 5 min.
	MinTime time.Duration
	// ServerTime is how long the connection is silent before the server pings. Defaults to 2 h.
	ServerTime time.Duration
	// ServerTimeout is how long the server waits for the answer. Defaults to 20 s.
	ServerTimeout time.Duration
	// MaxAge is how long a connection lives before the server asks its client to leave, give or take a tenth, so that load
	// spreads over new servers. Defaults to 0: for ever.
	MaxAge time.Duration
	// MaxAgeGrace is how long calls may then go on. Defaults to 0: for ever.
	MaxAgeGrace time.Duration
}

// KeepaliveError is one thing that is wrong with a pair of settings: the inequality that does not hold, and the mend.
type KeepaliveError struct {
	// Inequality is what should hold, with the values: "client Time 10s >= server MinTime 30s".
	Inequality string
	// Consequence is what happens instead.
	Consequence string
	// Mend says what to write.
	Mend string
}

func (e *KeepaliveError) Error() string {
	return fmt.Sprintf("stabilitygrpc: keepalive: %s does not hold: %s; %s", e.Inequality, e.Consequence, e.Mend)
}

// Is makes every one of them an [ErrKeepalive].
func (e *KeepaliveError) Is(target error) bool { return target == ErrKeepalive }

func (k Keepalive) pings() bool            { return k.Time > 0 }
func (k Keepalive) minTime() time.Duration { return cmp.Or(k.MinTime, DefaultMinTime) }

// effectiveTime is the Time that grpc-go goes by, 0 for never.
func (k Keepalive) effectiveTime() time.Duration {
	if !k.pings() {
		return 0
	}
	return max(k.Time, LeastTime)
}

// Validate reports everything about the pair that one end would punish or silently change. Every part of the error is a
// [*KeepaliveError].
func (k Keepalive) Validate() error {
	var errs []error
	for name, d := range map[string]time.Duration{
		"Time": k.Time, "Timeout": k.Timeout, "MinTime": k.MinTime, "ServerTime": k.ServerTime,
		"ServerTimeout": k.ServerTimeout, "MaxAge": k.MaxAge, "MaxAgeGrace": k.MaxAgeGrace,
	} {
		if d < 0 {
			errs = append(errs, &KeepaliveError{fmt.Sprintf("%s %v >= 0", name, d), "there is no such time", "leave it out"})
		}
	}
	if k.Time > 0 && k.Time < LeastTime {
		errs = append(errs, &KeepaliveError{
			fmt.Sprintf("client Time %v >= %v", k.Time, LeastTime), "grpc-go raises it without a word", "write Time: 10s, or more",
		})
	}
	if least := k.minTime(); k.pings() && k.effectiveTime() < least {
		note := ""
		if k.MinTime == 0 {
			note = " (the default of a server that says nothing)"
		}
		errs = append(errs, &KeepaliveError{
			fmt.Sprintf("client Time %v >= server MinTime %v%s", k.effectiveTime(), least, note),
			fmt.Sprintf("on a silent connection the server answers with GOAWAY too_many_pings after about %v, and calls fail with UNAVAILABLE", 4*k.effectiveTime()),
			fmt.Sprintf("raise the client's Time to %v, or lower the server's MinTime to %v or less", least, k.effectiveTime()),
		})
	}
	if k.ServerTime > 0 && k.ServerTime < time.Second {
		errs = append(errs, &KeepaliveError{
			fmt.Sprintf("server Time %v >= 1s", k.ServerTime), "grpc-go raises it without a word", "write ServerTime: 1s, or more",
		})
	}
	return errors.Join(errs...)
}

// CheckKeepalive is [Keepalive.Validate] for settings that exist already, such as those of a server of another team. A
// zero policy stands for a server without one.
func CheckKeepalive(client keepalive.ClientParameters, server keepalive.EnforcementPolicy) error {
	k := Keepalive{Time: client.Time, Timeout: client.Timeout, IdlePings: client.PermitWithoutStream, MinTime: server.MinTime}
	if client.Time == math.MaxInt64 {
		k.Time = 0
	}
	err := k.Validate()
	if k.pings() && client.PermitWithoutStream && !server.PermitWithoutStream {
		err = errors.Join(err, &KeepaliveError{
			"client PermitWithoutStream <= server PermitWithoutStream",
			"the server punishes each ping on a connection without calls",
			"set the server's PermitWithoutStream, or take the client's away",
		})
	}
	return err
}

// dialOptions returns the client's side.
func (k Keepalive) dialOptions() []grpc.DialOption {
	if !k.pings() {
		return nil
	}
	return []grpc.DialOption{grpc.WithKeepaliveParams(keepalive.ClientParameters{
		Time: k.effectiveTime(), Timeout: k.Timeout, PermitWithoutStream: k.IdlePings,
	})}
}

// serverOptions returns the server's side.
func (k Keepalive) serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: k.minTime(), PermitWithoutStream: k.IdlePings}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: k.ServerTime, Timeout: k.ServerTimeout, MaxConnectionAge: k.MaxAge, MaxConnectionAgeGrace: k.MaxAgeGrace,
		}),
	}
}
