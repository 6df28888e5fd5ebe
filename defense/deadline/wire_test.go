package deadline

import (
	"math"
	"net/http"
	"testing"
	"time"
)

func TestFormat(t *testing.T) {
	for _, test := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0n"}, {-time.Second, "0n"}, {1, "1n"}, {99_999_999, "99999999n"},
		{100_000_001, "100000u"}, // the odd nanosecond does not fit, and is cut off
		{time.Millisecond, "1m"}, {1500 * time.Millisecond, "1500m"}, {4 * time.Second, "4S"},
		{4*time.Second - 1, "3999999u"}, {5 * time.Minute, "5M"}, {90 * time.Minute, "90M"}, {24 * time.Hour, "24H"},
		{math.MaxInt64, "2562047H"},
	} {
		if got := Format(test.d); got != test.want {
			t.Errorf("Format(%v) = %s, want %s", test.d, got, test.want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text string
		want time.Duration
		ok   bool
	}{
		{"1H", time.Hour, true}, {"2M", 2 * time.Minute, true}, {"3S", 3 * time.Second, true}, {"4m", 4 * time.Millisecond, true},
		{"5u", 5 * time.Microsecond, true}, {"6n", 6, true}, {"00000007n", 7, true}, {"0n", 0, true},
		{"99999999H", math.MaxInt64, true},
		{"", 0, false}, {"S", 0, false}, {"5", 0, false}, {"5s", 0, false}, {"-5S", 0, false}, {"+5S", 0, false}, {"1.5S", 0, false},
		{"123456789n", 0, false}, {" 5S", 0, false}, {"5S ", 0, false}, {"٣S", 0, false},
	} {
		got, err := Parse(test.text)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("Parse(%q) = %v, %v; want %v, ok %t", test.text, got, err, test.want, test.ok)
		}
	}
}

func TestTheShortestOfSeveralHeadersCounts(t *testing.T) {
	h := http.Header{Header: {"soon", "9S", "3S", "5S"}}
	if left, ok := FromHeader(h); left != 3*time.Second || !ok {
		t.Errorf("FromHeader = %v, %t; want 3s", left, ok)
	}
	if left, ok := FromHeader(http.Header{Header: {"soon"}}); ok {
		t.Errorf("a value that is no timeout was read as %v", left)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"5S", "99999999H", "0n", "1m", "", "x", "5", "123456789n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(Format(d))
		if err != nil || again > d || d < 0 {
			t.Fatalf("%q is %v, written as %s and read again %v, %v: a budget must not grow", s, d, Format(d), again, err)
		}
	})
}

// Every duration that this package sends is read back not longer, and shorter by a hundred thousandth at most.
func FuzzFormat(f *testing.F) {
	f.Add(int64(1))
	f.Add(int64(4*time.Second - 1))
	f.Add(int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, n int64) {
		d := time.Duration(n)
		got, err := Parse(Format(d))
		if want := max(d, 0); err != nil || got > want || float64(want-got) > float64(want)/1e5 {
			t.Fatalf("%v went as %s and arrived as %v, %v", d, Format(d), got, err)
		}
	})
}
