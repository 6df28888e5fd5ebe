package expr

// TrendPoints lets tests compute trends the slow way.
const TrendPoints = trendPoints

// Scratch returns how many floats an evaluator has set aside.
func (e *Evaluator) Scratch() int { return len(e.scratch) }
