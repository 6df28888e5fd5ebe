package falsify

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/falsify/report"
)

// Unproven is a check whose present form is not proven.
type Unproven struct {
	Contract, Check string
	// Fault is what is to prove it, empty if none is known.
	Fault string
	Why   string
	// Position is where the check is declared, relative to the directory of the main package.
	Position report.Position
}

// Start builds the service, starts it once, without load, and reports how long it took to come up. If it does not, the error
// quotes its last words.
func Start(ctx context.Context, cfg Config) (took time.Duration, err error) {
	cfg, t, err := cfg.withDefaults()
	if err != nil {
		return 0, err
	}
	f := &falsification{cfg: cfg, tier: t, report: &Report{Schema: report.Schema, Scale: cfg.Scale, Lanes: 1}}
	workDir, err := makeWorkDir()
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(workDir)
	if err := f.prepare(ctx, workDir); err != nil {
		return 0, err
	}
	defer f.stage.close()
	begun := time.Now()
	one, err := f.stage.start(ctx)
	if err != nil {
		return 0, err
	}
	defer one.stop()
	took = time.Since(begun)
	// A service may come up and fail at once, for example if its listener runs on a goroutine of its own.
	settle := time.NewTimer(startSettle)
	defer settle.Stop()
	select {
	case <-one.process.Done():
		return took, one.process.Exited()
	case <-ctx.Done():
		return took, context.Cause(ctx)
	case <-settle.C:
	}
	return took, nil
}

// startSettle is how long a service that has come up must last.
const startSettle = 2 * time.Second

// Verify compares the committed falsification.json files of a service with the checks that it has now, and lists every check
// that is not proven as it is: one that was never falsified, has changed since, or was refuted. It starts the
// service once, to ask for its checks, and runs no trial. judged is the number of the service's checks.
func Verify(ctx context.Context, cfg Config) (unproven []Unproven, judged int, err error) {
	cfg, t, err := cfg.withDefaults()
	if err != nil {
		return nil, 0, err
	}
	f := &falsification{cfg: cfg, tier: t, report: &Report{Schema: report.Schema, Scale: cfg.Scale, Lanes: 1}, checksOnly: true}
	workDir, err := makeWorkDir()
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(workDir)
	if err := f.prepare(ctx, workDir); err != nil {
		return nil, 0, err
	}
	defer f.stage.close()
	if err := f.examine(ctx); err != nil {
		return nil, 0, err
	}
	for home, now := range f.report.Proofs() {
		committed, err := report.ReadProof(filepath.Join(f.report.Dir, filepath.FromSlash(home), report.ProofName))
		if errors.Is(err, fs.ErrNotExist) {
			committed, err = new(report.Proof), nil
		}
		if err != nil {
			return nil, 0, err
		}
		for _, c := range now.Checks {
			judged++
			if why := committed.Unproven(c.Proof); why != "" {
				unproven = append(unproven, f.unproven(c.Proof, why))
			}
		}
	}
	slices.SortFunc(unproven, func(a, b Unproven) int {
		return cmp.Or(cmp.Compare(a.Contract, b.Contract), cmp.Compare(a.Check, b.Check))
	})
	return unproven, judged, nil
}

func (f *falsification) unproven(p stability.Proof, why string) Unproven {
	u := Unproven{Contract: p.Contract, Check: p.Check, Why: why}
	for _, c := range f.report.Checks {
		if c.Contract == p.Contract && c.Name == p.Check {
			u.Fault, u.Position = c.Fault, c.Position
		}
	}
	return u
}
