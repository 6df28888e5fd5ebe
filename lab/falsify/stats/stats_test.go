package stats

import (
	"fmt"
	"math"
	"testing"
)

// The numbers are those of the tables that falsify's plans were drawn from: exact binomial, 95 % unless stated.
func TestCleanRuns(t *testing.T) {
	for _, tt := range []struct {
		rate, confidence float64
		want             [4]int // for 0, 1, 2, 3 allowed false alarms; 0 for "not tabled"
	}{
		{0.10, 0.95, [4]int{29, 46, 61, 76}},
		{0.05, 0.95, [4]int{59, 93, 124, 153}},
		{0.02, 0.95, [4]int{149, 236, 313, 386}},
		{0.01, 0.95, [4]int{299, 473, 628, 773}},
		{0.005, 0.95, [4]int{598, 947, 1258, 1549}},
		{0.001, 0.95, [4]int{2995, 4742, 6294, 7752}},
		{0.10, 0.99, [4]int{44}},
		{0.05, 0.99, [4]int{90}},
		{0.01, 0.99, [4]int{459}},
		{0.05, 1 - 0.05/20, [4]int{117}},
		{0.01, 1 - 0.05/20, [4]int{597}},
	} {
		for allowed, want := range tt.want {
			if want == 0 {
				continue
			}
			if got := CleanRuns(allowed, tt.rate, tt.confidence); got != want {
				t.Errorf("CleanRuns(%d, %g, %g) = %d, want %d", allowed, tt.rate, tt.confidence, got, want)
			}
		}
	}
	if CleanRuns(0, 0, 0.95) != 0 || CleanRuns(0, 0.1, 1) != 0 || CleanRuns(-1, 0.1, 0.95) != 0 {
		t.Error("a senseless plan got a number of runs")
	}
}

func TestClopperPearson(t *testing.T) {
	for _, tt := range []struct {
		k, n      int
		low, high float64
	}{
		{0, 20, 0, 0.168},
		{0, 300, 0, 0.0122},
		{1, 300, 0.0001, 0.0184},
		{5, 5, 0.478, 1},
		{10, 10, 0.692, 1},
		{20, 20, 0.832, 1},
		{30, 30, 0.884, 1},
		{0, 0, 0, 1},
	} {
		got := ClopperPearson(tt.k, tt.n, 0.95)
		if math.Abs(got.Low-tt.low) > 0.0006 || math.Abs(got.High-tt.high) > 0.0006 {
			t.Errorf("ClopperPearson(%d, %d) = %.4f, want [%g, %g]", tt.k, tt.n, got, tt.low, tt.high)
		}
	}
	if got := LowerBound(59, 59, 0.95); math.Abs(got-0.9505) > 0.0001 {
		t.Errorf("59 of 59 support a share of %.4f, want 0.9505", got)
	}
	if got := UpperBound(0, 59, 0.95); got >= 0.05 {
		t.Errorf("0 of 59 leave %.4f possible, want below 0.05", got)
	}
	if got := UpperBound(0, 58, 0.95); got < 0.05 {
		t.Errorf("0 of 58 leave %.4f possible, want 0.05 or more", got)
	}
}

// Coverage is a property, not a table: over all outcomes of 12 trials, weighted by their probability, the interval
// contains the truth at least as often as it says.
func TestClopperPearsonCovers(t *testing.T) {
	const n = 12
	for p := 0.02; p < 1; p += 0.07 {
		covered := 0.0
		for k := range n + 1 {
			if i := ClopperPearson(k, n, 0.9); i.Low <= p && p <= i.High {
				covered += BinomialCDF(k, n, p) - BinomialCDF(k-1, n, p)
			}
		}
		if covered < 0.9 {
			t.Errorf("p = %.2f is covered with probability %.3f, want 0.9 or more", p, covered)
		}
	}
}

func TestPoissonUpper(t *testing.T) {
	for _, tt := range []struct{ hours, want float64 }{
		{2.5, 1.2}, {24, 0.125}, {168, 1.0 / 56}, {720, 1.0 / 240},
	} {
		if got := PoissonUpper(0, tt.hours, 0.95); math.Abs(got/tt.want-1) > 0.005 {
			t.Errorf("no event in %g h: below %.4f per hour, want %.4f", tt.hours, got, tt.want)
		}
	}
	if got := PoissonUpper(1, 1, 0.95); math.Abs(got-4.744) > 0.001 {
		t.Errorf("one event in an hour: below %.3f, want 4.744", got)
	}
	if !math.IsInf(PoissonUpper(0, 0, 0.95), 1) {
		t.Error("no exposure supports a claim")
	}
}

func TestSPRT(t *testing.T) {
	falseAlarm := SPRT{Low: 0.002, High: 0.01, Error: 0.05} // "detects" a false-alarm rate of 1 %
	for _, tt := range []struct {
		name         string
		test         SPRT
		hits, misses int
		want         Decision
	}{
		{"quick", Quick, 5, 0, Undecided},
		{"quick", Quick, 6, 0, Accepted},
		{"quick", Quick, 0, 1, Undecided},
		{"quick", Quick, 0, 2, Rejected},
		{"quick", Quick, 6, 1, Undecided},
		{"quick", Quick, 8, 1, Accepted},
		{"nightly", Nightly, 17, 0, Undecided},
		{"nightly", Nightly, 18, 0, Accepted},
		{"nightly", Nightly, 0, 2, Undecided},
		{"nightly", Nightly, 0, 3, Rejected},
		{"false alarms", falseAlarm, 0, 365, Undecided},
		{"false alarms", falseAlarm, 0, 366, Rejected},
		{"false alarms", falseAlarm, 2, 0, Accepted},
	} {
		if got := tt.test.Decide(tt.hits, tt.misses); got != tt.want {
			t.Errorf("%s: %d hits and %d misses: %s, want %s", tt.name, tt.hits, tt.misses, got, tt.want)
		}
	}
	if Quick.Straight() != 6 || Nightly.Straight() != 18 {
		t.Errorf("straight hits: %d and %d, want 6 and 18", Quick.Straight(), Nightly.Straight())
	}
}

func TestEqual(t *testing.T) {
	noisy := func(mean, spread float64, n int) []float64 {
		values := make([]float64, n)
		for i := range values {
			values[i] = mean + spread*math.Sin(float64(i)*2.4)
		}
		return values
	}
	for _, tt := range []struct {
		name          string
		before, after []float64
		floor         float64
		want          EquivalenceOutcome
	}{
		{"the same, quiet", noisy(100, 1, 11), noisy(100.5, 1, 11), 0, Equivalent},
		{"ten percent more", noisy(100, 1, 11), noisy(110, 1, 11), 0, Different},
		{"ten percent less", noisy(100, 1, 11), noisy(90, 1, 11), 0, Different},
		{"at the margin", noisy(100, 1, 11), noisy(105, 1, 11), 0, Unclear},
		{"noise drowns it", noisy(100, 40, 11), noisy(100, 40, 11), 0, Unclear},
		{"constant", []float64{7, 7, 7}, []float64{7, 7, 7}, 0, Equivalent},
		{"constant and other", []float64{7, 7, 7}, []float64{8, 8, 8}, 0, Different},
		{"constant, inside the floor", []float64{0, 0, 0}, []float64{0.5, 0.5, 0.5}, 1, Equivalent},
		{"too few", []float64{7, 7}, []float64{7, 7}, 0, Unclear},
	} {
		if got := Equal(tt.before, tt.after, 0.05, tt.floor, 0.95); got.Outcome != tt.want {
			t.Errorf("%s: %s (p = %.3f), want %s", tt.name, got.Outcome, got.P, tt.want)
		}
	}
}

func TestStudent(t *testing.T) {
	for _, tt := range []struct{ t, freedom, want float64 }{ // from any table of t
		{1.812, 10, 0.95}, {2.228, 10, 0.975}, {-2.228, 10, 0.025}, {12.706, 1, 0.975}, {0, 5, 0.5},
	} {
		if got := studentCDF(tt.t, tt.freedom); math.Abs(got-tt.want) > 1e-4 {
			t.Errorf("studentCDF(%g, %g) = %.5f, want %g", tt.t, tt.freedom, got, tt.want)
		}
	}
}

func TestMediansAndQuantile(t *testing.T) {
	if got := Medians([]float64{1, 100, 2, 5, 4, 6}, 2); got[0] != 2 || got[1] != 5 {
		t.Errorf("medians of two blocks: %v, want [2 5]", got)
	}
	values := []float64{3, 1, 2}
	if got := Quantile(values, 0, 0.5); got != 2 {
		t.Errorf("median = %g, want 2", got)
	}
	if got := Quantile(values, 1, 0.95); !math.IsInf(got, 1) {
		t.Errorf("p95 with a miss = %g, want +Inf: the miss is not to be dropped", got)
	}
	if !math.IsNaN(Quantile(nil, 0, 0.5)) {
		t.Error("a quantile of nothing is a number")
	}
}

func ExampleUpperBound() {
	fmt.Printf("no false alarm in 59 runs: below %.1f %% of runs\n", 100*UpperBound(0, 59, 0.95))
	// Output: no false alarm in 59 runs: below 5.0 % of runs
}
