package fault

import "time"

// The protocol of the fault agent: HTTP over a Unix socket, bodies in JSON. Package agent serves it in the service
// under test, lab/falsify is its client.
//
//	GET    /v1/hello               Hello
//	GET    /v1/monitors?after=SEQ  an array: one stability.Snapshot per monitor that runs in the process
//	GET    /v1/schema              an array: one []signals.Desc per monitor, all that its checks can name
//	POST   /v1/faults/NAME         Order → Ordered
//	GET    /v1/faults/ID           Witness
//	DELETE /v1/faults/ID           Residue, when the fault is removed
//	DELETE /v1/faults              []Removed, when all are
//
// A refusal has a status of 400 or above and a Refusal as its body. Every request renews the lease of every fault.

// Environment variables by which falsify starts a service under test; without the first nothing happens.
const (
	// EnvSocket is the path of the Unix socket that the agent is to create.
	EnvSocket = "STABILITY_AGENT_SOCKET"
	// EnvScale is the factor in (0, 1] by which monitors hurry a contract's own times. Defaults to 1.
	EnvScale = "STABILITY_AGENT_SCALE"
)

// Leases end a fault when nobody asks for it any more: a falsify that crashed must not leave one running.
const (
	// DefaultLease is how long a fault lives after the last request to its agent.
	DefaultLease = 15 * time.Second
	// DefaultLimit is how long a fault lives at most, whatever is asked.
	DefaultLimit = 10 * time.Minute
	// MaxLimit bounds both in an order.
	MaxLimit = time.Hour
)

// Hello is how an agent introduces itself.
type Hello struct {
	PID    int     `json:"pid"`
	Go     string  `json:"go"`
	Scale  float64 `json:"scale"`
	Faults []Fault `json:"faults"`
}

// Order asks an agent to start a fault.
type Order struct {
	Params Settings `json:"params,omitempty"`
	Seed   uint64   `json:"seed"`
	// Lease defaults to DefaultLease, Limit to DefaultLimit; both in nanoseconds.
	Lease time.Duration `json:"lease,omitempty"`
	Limit time.Duration `json:"limit,omitempty"`
}

// Ordered answers an Order.
type Ordered struct {
	ID string `json:"id"`
}

// Removed says how the removal of one fault went. Error is empty unless the fault may still be there.
type Removed struct {
	ID      string  `json:"id"`
	Residue Residue `json:"residue"`
	Error   string  `json:"error,omitempty"`
}

// Refusal says why a request was refused.
type Refusal struct {
	Error string `json:"error"`
}
