//go:build !race

package memlimit

import (
	"os"
	"testing"
)

// program returns this test as a program.
func program(*testing.T) string { return os.Args[0] }
