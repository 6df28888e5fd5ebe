package stability

import (
	"os"
	"regexp"
	"testing"
)

// By default go test makes each new input smaller for up to a minute, and a target here has twenty seconds: it found 1 to 3 new
// inputs, and 93 where the smaller ones were counted.
func TestFuzzingIsNotSpentOnSmallerInputs(t *testing.T) {
	text, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range regexp.MustCompile(`-fuzz=.*`).FindAllString(string(text), -1) {
		if !regexp.MustCompile(`-fuzzminimizetime=\$\$\{FUZZMINIMIZE:-\d+x\}`).MatchString(call) {
			t.Errorf("no number bounds the smaller inputs in %s", call)
		}
	}
	if regexp.MustCompile(`-fuzz=`).FindIndex(text) == nil {
		t.Error("nothing is fuzzed")
	}
}
