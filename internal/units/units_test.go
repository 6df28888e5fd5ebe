package units

import (
	"strings"
	"testing"
)

func TestNoSuffixHidesALongerOne(t *testing.T) {
	seen := []string{}
	for _, s := range Suffixes() {
		for _, before := range seen {
			if strings.HasSuffix(s.Text, before) {
				t.Errorf("%s is never found, for %s comes before it", s.Text, before)
			}
		}
		seen = append(seen, s.Text)
	}
}

func TestValueIsExact(t *testing.T) {
	for text, want := range map[string]float64{"ms": 0.005, "%": 0.05, "KiB": 5120, "d": 432000} {
		for _, s := range Suffixes() {
			if s.Text == text && s.Value(5) != want {
				t.Errorf("5%s is %v, want %v", text, s.Value(5), want)
			}
		}
	}
}
