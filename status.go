package stability

import (
	"time"

	"github.com/falsifiable/stability/signals"
)

// Status is what a Monitor knows at one moment, ready for JSON. It is a copy.
type Status struct {
	Service string `json:"service,omitempty"`
	// Started is when the monitor began; Age how long ago; LastTick how long ago it last sampled. A LastTick
	// of more than a few sampling intervals means that the monitor itself is in trouble: Stale says so.
	Started   time.Time     `json:"started"`
	Age       time.Duration `json:"age"`
	LastTick  time.Duration `json:"last_tick_age"`
	Stale     bool          `json:"stale"`
	WarmingUp bool          `json:"warming_up"`
	TimeScale float64       `json:"time_scale,omitempty"` // other than 1 only under stability falsify
	// SampleInterval is the distance between two readings, before TimeScale.
	SampleInterval time.Duration    `json:"sample_interval"`
	Contracts      []ContractStatus `json:"contracts"`
	Self           SelfStatus       `json:"self"`
}

// ContractStatus is the state of one contract: that of its worst check.
type ContractStatus struct {
	Name string `json:"name"`
	Mode Mode   `json:"mode"`
	// Interval is the time between two judgments, before TimeScale.
	Interval time.Duration `json:"interval"`
	State    State         `json:"state"`
	// Judged is the monotonic age of the monitor when the checks were last evaluated; 0 while it warms up.
	Judged time.Duration `json:"judged"`
	Checks []CheckStatus `json:"checks"`
}

// CheckStatus is the state of one check: that of its worst instance.
type CheckStatus struct {
	Name     string        `json:"name"`
	Expr     string        `json:"expr"`
	Cause    string        `json:"cause,omitempty"`
	For      time.Duration `json:"for,omitempty"` // before TimeScale
	Hash     string        `json:"hash"`
	Proven   bool          `json:"proven"`
	Tier     string        `json:"tier,omitempty"`     // of the proof: quick, pr or nightly
	ProvenAt time.Time     `json:"proven_at,omitzero"` // when the proof's run ended, if it says so
	State    State         `json:"state"`
	Reason   string        `json:"reason,omitempty"`
	Signals  []string      `json:"signals"`
	// Unit and PerSecond are those of its values and thresholds; Count if its comparisons differ in them.
	Unit      signals.Unit `json:"unit"`
	PerSecond bool         `json:"per_second,omitempty"`
	// Violations counts how often an instance of the check became violated.
	Violations uint64           `json:"violations"`
	Instances  []InstanceStatus `json:"instances,omitempty"`
	Warnings   []string         `json:"warnings,omitempty"`
}

// InstanceStatus is the state of a check on one instance. A value that is not a number is absent.
type InstanceStatus struct {
	Labels    signals.Labels `json:"labels,omitzero"`
	State     State          `json:"state"`
	Since     time.Duration  `json:"since"` // monotonic age of the monitor when the state was entered
	Strike    int            `json:"strike,omitempty"`
	Value     *float64       `json:"value,omitempty"`
	Threshold *float64       `json:"threshold,omitempty"`
	Reason    string         `json:"reason,omitempty"`
}

// SelfStatus is the monitor's account of itself.
type SelfStatus struct {
	Ticks             uint64        `json:"ticks"`
	TickCost          time.Duration `json:"tick_cost"` // of the last tick
	Violations        uint64        `json:"violations"`
	SourceFailures    uint64        `json:"source_failures"`
	ResponderFailures uint64        `json:"responder_failures"`
	RespondersHung    int           `json:"responders_hung"`
	ResponsesDropped  uint64        `json:"responses_dropped"`
	FoldedReadings    uint64        `json:"folded_readings"`
	EvidenceFailures  uint64        `json:"evidence_failures"`
}

// SignalValue is the last reading of one signal instance.
type SignalValue struct {
	Name     string         `json:"name"`
	Instance signals.Labels `json:"instance,omitzero"`
	Value    float64        `json:"value"`
	Age      time.Duration  `json:"age"` // since it was read
	Desc     signals.Desc   `json:"-"`
}

// Snapshot is everything a Monitor can show at one moment: what stability falsify polls.
type Snapshot struct {
	Status
	Transitions []Transition  `json:"transitions"`
	Signals     []SignalValue `json:"signals"`
}
