package waits

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

// The facts cross from package far to package near; the comments in them say which functions have one.
func Test(t *testing.T) { analysistest.Run(t, analysistest.TestData(), Analyzer, "near") }
