package schedule

import (
	"context"
	"fmt"
	"strings"

	"github.com/falsifiable/stability/lab/schedule/rewrite"
)

// overlay is what a build puts in place of the original files.
type overlay struct {
	file string // for -overlay; empty until it is written
	hook string // what must be in the binary
}

// rewriteSource prepares for the fallback: points in the project's own source instead of the runtime's. why is said in
// the report.
func (b *builder) rewriteSource(why string) error {
	experiments, err := rewrite.Experiments(b.goVersion)
	if err != nil {
		return err
	}
	b.experiments, b.overlay = experiments, overlay{hook: rewrite.Hook}
	b.warnings = append(b.warnings, why+": the project's own source is rewritten instead of the runtime; only its packages have points, "+
		"and what goroutines wait for is not known: no CYCLE, no DEADLOCK, no SUSPECT but for tests that fail")
	if b.Race {
		b.warnings = append(b.warnings, "the points in rewritten source order what they are called from: the race detector sees fewer races")
	}
	return nil
}

// writeRewritten writes the fallback's overlay, if that is what is built with.
func (b *builder) writeRewritten(ctx context.Context) error {
	if b.overlay.file != "" {
		return nil
	}
	o, err := rewrite.Write(ctx, b.goCommand, b.listFlags(), b.Packages, b.tmp)
	if err != nil {
		return err
	}
	b.overlay.file = o.File
	if len(o.Left) > 0 {
		b.warnings = append(b.warnings, fmt.Sprintf("without points: %s", strings.Join(o.Left, "; ")))
	}
	return nil
}
