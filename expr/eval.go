package expr

import (
	"math"
	"time"

	"github.com/falsifiable/stability/signals"
)

// Outcome is the judgment on one instance.
type Outcome struct {
	// Labels are those of the instance, also when a matcher picked it; zero for signals without labels.
	Labels signals.Labels
	// Truth of the condition: True means that the promise is broken.
	Truth Truth
	// Value and Threshold are the two sides of the comparison that decided. Of a conjunction that is its first
	// comparison when all are true, and of a disjunction when all are false. NaN if not known.
	Value, Threshold float64
	// Reason says why Truth is Unknown.
	Reason Reason
}

// Evaluator judges a program over the history in a store. It belongs to the goroutine that pushes to the store:
// it is not safe for concurrent use.
type Evaluator struct {
	program  *Program
	store    *signals.Store
	shape    uint64 // of the store when the rows were made
	lookback time.Duration
	rows     []*row
	byKey    map[signals.Labels]*row
	picks    []map[signals.Labels]pick // by operand
	outcomes []Outcome

	numbers []float64
	truths  []judged
	sides   []sides
	pending Reason // why the number that is being computed is NaN
	scratch []float64

	subjects subjects
	frozen   bool
	restored map[restoredKey]float64
}

// judged is a condition on the stack, and the comparison that decided it.
type judged struct {
	truth      Truth
	comparison uint16
}

// sides are what a comparison compared when it last ran.
type sides struct {
	left, right float64
	reason      Reason
}

// subjects are what reasons are about, by index in the program.
type subjects struct{ operands, windows, baselines []subject }

// staleAfter is how many resolutions of the store a reading may be old before it no longer counts as present.
const staleAfter = 5

// Bind makes an evaluator of the program over a store of the schema that it was compiled with. Evaluation allocates
// nothing but what a new instance needs once.
func (p *Program) Bind(store *signals.Store) *Evaluator {
	e := &Evaluator{
		program: p, store: store, shape: ^uint64(0), lookback: staleAfter * store.Resolution(),
		byKey:   make(map[signals.Labels]*row),
		picks:   make([]map[signals.Labels]pick, len(p.operands)),
		numbers: make([]float64, p.depth+1), truths: make([]judged, p.depth+1),
		sides: make([]sides, p.comparisons), scratch: make([]float64, p.scratch(store)),
	}
	for _, o := range p.operands {
		e.subjects.operands = append(e.subjects.operands, subject{o.text, o.desc.Source})
	}
	for _, w := range p.windows {
		e.subjects.windows = append(e.subjects.windows, subject{text: w.text})
	}
	for _, b := range p.baselines {
		e.subjects.baselines = append(e.subjects.baselines, subject{text: b.text})
	}
	return e
}

// Eval judges the program at a time, which is that of the newest samples in the store: one outcome for each
// instance, in order of first appearance, or just one where signals have no labels. The slice is valid until the
// next Eval. Outcomes follow from the history (up to the rounding of sums), so that a recorded violation can be replayed.
func (e *Evaluator) Eval(now time.Duration) []Outcome {
	if e.store.Shape() != e.shape || e.program.remembers() {
		e.prepare(now)
	}
	for i, r := range e.rows {
		e.judge(&e.outcomes[i], r, now)
	}
	return e.outcomes
}

// prepare brings rows, sub-queries and late baselines up to date.
func (e *Evaluator) prepare(now time.Duration) {
	if e.store.Shape() != e.shape {
		e.rebind()
	}
	if len(e.program.subqueries) > 0 {
		for _, r := range e.rows {
			e.advance(r, now)
		}
	}
	if e.frozen && len(e.program.baselines) > 0 {
		for _, r := range e.rows {
			if r.learning > 0 {
				e.learnLate(r, now)
			}
		}
	}
}

func (e *Evaluator) judge(o *Outcome, r *row, now time.Duration) {
	e.pending.Cause = NotUnknown
	e.run(e.program.code, r, now)
	final := e.truths[0]
	s := &e.sides[final.comparison]
	o.Labels, o.Truth, o.Value, o.Threshold = r.labels, final.truth, s.left, s.right
	if final.truth == Unknown {
		o.Reason = s.reason
	} else if o.Reason.Cause != NotUnknown {
		o.Reason = Reason{}
	}
}

// run executes code for a row. A program leaves one condition on the stack of truths; a part leaves one number, which
// is returned.
func (e *Evaluator) run(code []instr, r *row, now time.Duration) float64 {
	numbers, n := e.numbers, 0
	truths, t := e.truths, 0
	for pc := 0; pc < len(code); pc++ {
		in := &code[pc]
		right := in.value
		if in.pops {
			n--
			right = numbers[n]
		}
		switch in.op {
		case opConst:
			numbers[n] = right
			n++
		case opRead:
			numbers[n] = e.read(r, int(in.arg), now)
			n++
		case opBaseline:
			numbers[n] = e.baseline(r, int(in.arg))
			n++
		case opNegate:
			numbers[n-1] = -numbers[n-1]
		case opAbs:
			numbers[n-1] = math.Abs(numbers[n-1])
		case opAdd:
			numbers[n-1] += right
		case opSubtract:
			numbers[n-1] -= right
		case opMultiply:
			numbers[n-1] *= right
		case opDivide:
			numbers[n-1] = e.divide(numbers[n-1], right)
		case opMin:
			numbers[n-1] = min(numbers[n-1], right)
		case opMax:
			numbers[n-1] = max(numbers[n-1], right)
		case opEqual, opUnequal, opLess, opLessEqual, opGreater, opGreaterEqual:
			n--
			truths[t] = e.verdict(in.arg, numbers[n], right, holds(in.op, numbers[n], right))
			t++
		case opNot:
			truths[t-1].truth = truths[t-1].truth.Not()
		case opAnd, opOr:
			t--
			truths[t-1] = decide(in.op, truths[t-1], truths[t])
		case opSkipFalse:
			if truths[t-1].truth == False {
				pc = int(in.arg)
			}
		case opSkipTrue:
			if truths[t-1].truth == True {
				pc = int(in.arg)
			}
		default:
			numbers[n] = e.over(in, r, now)
			n++
		}
	}
	return numbers[0]
}

// finite reports whether v is neither NaN nor an infinity.
func finite(v float64) bool { return v-v == 0 }

func (e *Evaluator) divide(left, right float64) float64 {
	if right == 0 {
		return e.unknown(Reason{Cause: DivisionByZero})
	}
	return left / right
}

func holds(o op, left, right float64) bool {
	switch o {
	case opEqual:
		return left == right
	case opUnequal:
		return left != right
	case opLess:
		return left < right
	case opLessEqual:
		return left <= right
	case opGreater:
		return left > right
	default:
		return left >= right
	}
}

// verdict records both sides of a comparison. NaN makes it Unknown, whatever the operator: also !=.
func (e *Evaluator) verdict(comparison uint16, left, right float64, hit bool) judged {
	s := &e.sides[comparison]
	s.left, s.right = left, right
	truth := False
	if hit {
		truth = True
	}
	if left != left || right != right {
		truth = Unknown
		e.blame(s)
	}
	return judged{truth, comparison}
}

// blame moves the reason for an unknown side to the comparison.
func (e *Evaluator) blame(s *sides) {
	if e.pending.Cause == NotUnknown {
		e.pending.Cause = NotANumber
	}
	s.reason, e.pending = e.pending, Reason{}
}

// decide joins two conditions by Kleene's rule; the comparison that decided stays with the result, the left one
// when both are alike.
func decide(o op, left, right judged) judged {
	l, r := left.truth.rank(), right.truth.rank()
	if o == opAnd && r < l || o == opOr && r > l {
		return right
	}
	return left
}

// unknown notes why a number is not known, unless something before it was not, and returns NaN.
func (e *Evaluator) unknown(r Reason) float64 {
	if e.pending.Cause == NotUnknown {
		e.pending = r
	}
	return math.NaN()
}

// read returns a signal's last reading, if that is recent.
func (e *Evaluator) read(r *row, operand int, now time.Duration) float64 {
	s := r.series[operand]
	if s == nil {
		return e.unknown(Reason{Cause: NeverRead, about: &e.subjects.operands[operand]})
	}
	at, v, ok := s.Last()
	if at > now {
		at, v, ok = readingAt(s, now)
	}
	switch {
	case !ok:
		return e.unknown(Reason{Cause: NeverRead, about: &e.subjects.operands[operand]})
	case now-at > e.lookback:
		return e.unknown(Reason{Cause: Stale, about: &e.subjects.operands[operand], span: now - at})
	}
	return v
}

// readingAt returns the last reading not after a time in the past.
func readingAt(s *signals.Series, t time.Duration) (time.Duration, float64, bool) {
	i := s.From(t+1) - 1
	if i < 0 {
		return 0, 0, false
	}
	at, v := s.At(i)
	return at, v, true
}
