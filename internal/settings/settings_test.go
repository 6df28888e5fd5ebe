package settings

import (
	"math"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, test := range []struct {
		ms   float64
		want time.Duration
	}{
		{0, 0}, {5000, 5 * time.Second}, {0.25, 250 * time.Microsecond}, {-1, -time.Millisecond}, {0.1, 100 * time.Microsecond},
		{1e300, math.MaxInt64}, {math.Inf(1), math.MaxInt64}, {math.Inf(-1), math.MinInt64}, {math.NaN(), math.MinInt64},
	} {
		if got := Duration(test.ms); got != test.want {
			t.Errorf("Duration(%v) = %v, want %v", test.ms, got, test.want)
		}
	}
	if got := Millis(1500 * time.Microsecond); got != 1.5 {
		t.Errorf("Millis = %v, want 1.5", got)
	}
}

func TestStrict(t *testing.T) {
	var v struct{ A int }
	if err := Strict([]byte(`{"a":3}`))(&v); err != nil || v.A != 3 {
		t.Errorf("a known field: %v, %v", v, err)
	}
	if err := Strict([]byte(`{"b":3}`))(&v); err == nil {
		t.Error("an unknown field is accepted")
	}
}

func TestCheckNamesTheFirstBrokenRule(t *testing.T) {
	rules := []Rule{Require(true, "limit", 1, "positive"), Require(false, "burst", -3, "positive"), Require(false, "ratio", 7, "in (0, 1]")}
	if err := Check("retry", "orders", rules...); err == nil || err.Error() != "retry: validating orders: burst is -3, not positive" {
		t.Errorf("error %v", err)
	}
	if err := Check("retry", "orders", rules[0]); err != nil {
		t.Errorf("error %v for rules that hold", err)
	}
}
