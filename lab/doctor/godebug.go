package doctor

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/falsifiable/stability/internal/suggest"
)

// godebugNames are the settings of the toolchain, one a line; a test compares them with the
// toolchain's own table.
//
//go:embed godebug.txt
var godebugNames string

func knownGodebug(name string) bool { return slices.Contains(strings.Fields(godebugNames), name) }

func similarGodebug(name string) string { return suggest.Nearest(name, strings.Fields(godebugNames)) }
