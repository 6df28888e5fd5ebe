package analysis

import (
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/copylock"
	"golang.org/x/tools/go/analysis/passes/httpresponse"
	"golang.org/x/tools/go/analysis/passes/lostcancel"
	"golang.org/x/tools/go/analysis/passes/sigchanyzer"
	"golang.org/x/tools/go/analysis/passes/sqlrowserr"
	"golang.org/x/tools/go/analysis/passes/testinggoroutine"
	"golang.org/x/tools/go/analysis/passes/waitgroup"
)

// Foreign is an analyzer of others that is part of the suite.
type Foreign struct {
	// Cause is the root cause it serves: its name in the suite is CAUSE_NAME, and "//stability:ignore CAUSE reason"
	// silences it too.
	Cause    string
	Analyzer *analysis.Analyzer
	// Why says what it does that our own analyzer of the cause need not do again.
	Why string
}

// Composed returns the analyzers of others in the suite. The slice is new.
func Composed() []Foreign {
	return []Foreign{
		{"lockorder", copylock.Analyzer, "a copied lock is two locks; vet's pass knows all forms of copying"},
		{"goroutineleak", lostcancel.Analyzer, "a cancel function dropped within one function; ours follows it across functions"},
		{"goroutineleak", waitgroup.Analyzer, "WaitGroup.Add as the first statement of the goroutine it counts"},
		{"goroutineleak", testinggoroutine.Analyzer, "t.Fatal in a goroutine ends that goroutine, not the test"},
		{"channelblock", sigchanyzer.Analyzer, "signal.Notify on an unbuffered channel drops the signal"},
		{"connleak", httpresponse.Analyzer, "use of a response before its error is checked"},
		{"connleak", sqlrowserr.Analyzer, "Rows.Err never checked: a broken iteration looks like its end"},
	}
}

// named returns the analyzer under the name that it has in the suite.
func (f Foreign) named() *analysis.Analyzer {
	a := *f.Analyzer
	a.Name = f.Cause + "_" + f.Analyzer.Name
	return &a
}
