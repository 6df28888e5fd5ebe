package lockorder

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

func Test(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), Analyzer, "a", "orders", "kept", "recovered")
}

func TestHeld(t *testing.T) { analysistest.Run(t, analysistest.TestData(), Held, "held") }
