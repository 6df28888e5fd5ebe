package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	groups := parse(strings.NewReader(`goos: linux
BenchmarkTick/ours-2     1000   100 ns/op   0 B/op   0 allocs/op
BenchmarkTick/holmes-2   1000   900 ns/op  16 B/op   2 allocs/op   1.5 stops/op
BenchmarkTick/ours-2     1000   300 ns/op   0 B/op   0 allocs/op
BenchmarkTick/ours-2     1000   200 ns/op   0 B/op   0 allocs/op
PASS
`))
	var out strings.Builder
	report(&out, groups)
	for _, want := range []string{"Tick/ours", "200.0 ns", "100.0 ns … 300.0 ns", "Tick/holmes", "4.5x", "1.5 stops/op"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, &out)
		}
	}
}
