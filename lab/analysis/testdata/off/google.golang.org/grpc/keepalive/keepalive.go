package keepalive

import "time"

type ClientParameters struct {
	Time, Timeout       time.Duration
	PermitWithoutStream bool
}

type EnforcementPolicy struct {
	MinTime             time.Duration
	PermitWithoutStream bool
}
