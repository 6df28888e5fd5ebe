package falsify

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/falsify/report"
)

// Verify compares the committed falsification.json files of a service with the checks that it has now, and lists every check
// that is not proven as it is: one that was never falsified, has changed since, or was refuted. It starts the
// service once, to ask for its checks, and runs no trial.
func Verify(ctx context.Context, cfg Config) (complaints []string, err error) {
	cfg, t, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &falsification{cfg: cfg, tier: t, report: &Report{Schema: report.Schema, Scale: cfg.Scale, Lanes: 1}}
	workDir, err := makeWorkDir()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(workDir)
	if err := f.prepare(ctx, workDir); err != nil {
		return nil, err
	}
	defer f.stage.close()
	if err := f.examine(ctx); err != nil {
		return nil, err
	}
	for home, now := range f.report.Proofs() {
		var checks []stability.Proof
		for _, c := range now.Checks {
			checks = append(checks, c.Proof)
		}
		committed, err := report.ReadProof(filepath.Join(f.report.Dir, filepath.FromSlash(home), report.ProofName))
		if errors.Is(err, fs.ErrNotExist) {
			committed, err = new(report.Proof), nil
		}
		if err != nil {
			return nil, err
		}
		complaints = append(complaints, committed.Unproven(checks)...)
	}
	slices.Sort(complaints)
	return complaints, nil
}
