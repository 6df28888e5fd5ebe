package stability

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// check is a Check, compiled: what the engine evaluates. Its times are scaled already.
type check struct {
	Check
	contract  *contract
	program   *expr.Program
	evaluator *expr.Evaluator
	hash      string
	proof     Proof // zero unless it is proven
	forTime   time.Duration
	keepTime  time.Duration
	signals   []string
	unit      signals.Unit // of what is compared
	perSecond bool
	warmUntil time.Duration // until then it is Unknown and its baselines learn
	warm      bool
	due       bool // in this step
	gone      bool // its contract was replaced by one without it
	warnings  []string
	instances instanceSet
	history   []point // a ring of the latest judgments, whose oldest is at oldest once it is full
	oldest    int
	// violations counts how often an instance of the check became violated.
	violations uint64
}

func (k *check) proven() bool { return k.proof.Verdict == Proven }

// contract is a Contract, compiled.
type contract struct {
	*Contract
	interval  time.Duration
	next      time.Duration   // when it is to be evaluated again
	evaluated []time.Duration // when it was evaluated lately, for recordings
	checks    []*check
}

// CheckError says that a check's expression does not compile. What [Monitor.Register] and [Monitor.Replace] return wraps one for
// each such check.
type CheckError struct {
	Contract, Check string
	Err             error // an [*expr.Error]: where, with a caret, and the mend
}

// Error names the check and says what is wrong.
func (e *CheckError) Error() string { return fmt.Sprintf("check %q: %v", e.Check, e.Err) }

// Unwrap returns Err.
func (e *CheckError) Unwrap() error { return e.Err }

// compile makes the engine's form of a contract. The error names every check that is wrong, with caret and mend.
func compile(c *Contract, store *signals.Store, scale float64) (*contract, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	proof, err := parseProof(c)
	if err != nil {
		return nil, err
	}
	made := &contract{Contract: c, interval: timescale.Scale(c.interval(), scale)}
	programs := make([]*expr.Program, len(c.Checks))
	var errs []error
	for i, k := range c.Checks {
		programs[i], err = expr.Compile(store.Schema(), k.Expr, expr.Options{Lenient: c.Lenient, Scale: scale})
		if err != nil {
			errs = append(errs, &CheckError{c.Name, k.Name, err})
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("stability: contract %q: %w", c.Name, errors.Join(errs...))
	}
	for i, k := range c.Checks { // only now, for it makes the store keep more
		check := newCheck(made, k, programs[i], store, scale)
		check.proof = proof.find(check.Name, check.hash)
		made.checks = append(made.checks, check)
	}
	return made, nil
}

func newCheck(c *contract, k Check, program *expr.Program, store *signals.Store, scale float64) *check {
	if k.KeepFiringFor == 0 {
		k.KeepFiringFor = c.Contract.interval()
	}
	if k.Severity == "" {
		k.Severity = "warning"
	}
	made := &check{
		Check: k, contract: c, program: program, hash: hashCheck(c.Contract, k, program.Canonical()),
		forTime: timescale.Scale(k.For, scale), keepTime: timescale.Scale(k.KeepFiringFor, scale),
	}
	made.unit, made.perSecond = dimension(program.Logic().Comparisons())
	for _, id := range program.Signals() {
		made.signals = append(made.signals, store.Schema().Desc(id).Name)
	}
	for _, w := range program.Warnings() {
		made.warnings = append(made.warnings, w.String())
	}
	if text, span := program.Longest(); span > store.Reach()+store.Resolution() { // give or take one, as the evaluator does
		made.warnings = append(made.warnings, fmt.Sprintf("%s can never be judged: one reading each %v is kept for %v; take it at steps, "+
			"such as max_over_time(max_over_time(x[1m])[3h:]), or sample less often", text, store.Resolution(), store.Reach()))
	}
	// A recorded violation can be replayed only if the history reaches back over the time the condition had
	// to hold, besides the expression's own windows.
	for _, w := range program.Windows() {
		store.Retain(w.ID, w.Window+made.forTime+made.keepTime+2*c.interval)
	}
	made.evaluator = program.Bind(store)
	return made
}

// dimension returns what all comparisons compare, or a count where they differ.
func dimension(comparisons []expr.Logic) (unit signals.Unit, perSecond bool) {
	for i, c := range comparisons {
		if i > 0 && (c.Unit != unit || c.PerSecond != perSecond) {
			return signals.Count, false
		}
		unit, perSecond = c.Unit, c.PerSecond
	}
	return unit, perSecond
}

// hashCheck identifies what was proven: the meaning of the check, not its spelling. A check whose hash
// has changed is unproven again.
func hashCheck(c *Contract, k Check, canonical string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s", canonical, k.For, k.KeepFiringFor, c.interval()))
	return hex.EncodeToString(sum[:8])
}

// state is that of the worst instance; a check that has none yet is Unknown.
func (k *check) state() State {
	if len(k.instances.list) == 0 {
		return Unknown
	}
	worst := Holding
	for _, in := range k.instances.list {
		if in.state.rank() > worst.rank() {
			worst = in.state
		}
	}
	return worst
}

// rank orders states from best to worst. Unknown is worse than Holding: we do not know.
func (s State) rank() int {
	switch s {
	case Holding:
		return 0
	case Unknown:
		return 1
	case Pending:
		return 2
	default:
		return 3
	}
}
