//go:build e2e

package falsify

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/internal/cgroups"
	"github.com/falsifiable/stability/lab/falsify/build"
	"github.com/falsifiable/stability/lab/falsify/experiment"
)

// Every cause's experiment: a program that is sick by itself trips the cause's check, its healthy twin does not. No
// fault is injected. So the checks are known to see the real thing, and not only what room fault makes of it.
func TestExperimentsOfTheCatalogue(t *testing.T) {
	for _, c := range catalogue.All() {
		t.Run(c.ID, func(t *testing.T) {
			files := make(map[string][]byte)
			archive, err := txtar.ParseFile(filepath.Join("..", "..", "cause", c.ID, "experiment.txtar"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range archive.Files {
				files[f.Name] = f.Data
			}
			took, fired := live(t, c, files, "sick.go", 40*time.Second)
			if !fired {
				t.Error("the sick program does not trip the check")
			}
			if _, fired := live(t, c, files, "healthy.go", took*3/2); fired {
				t.Error("the healthy program trips the check")
			}
		})
	}
}

// live runs one program of an experiment until a check of the cause fires or the limit is over.
func live(t *testing.T, c cause.Cause, files map[string][]byte, program string, limit time.Duration) (took time.Duration, fired bool) {
	t.Helper()
	e, err := experiment.Parse(c.ID+"/falsify.yaml", files["falsify.yaml"])
	if err != nil {
		t.Fatal(err)
	}
	// Inside this module, so that it finds the library and what that needs; always in the same place, for build keeps
	// a binary for each place.
	dir := filepath.Join("testdata", "experiment-"+c.ID+"-"+strings.TrimSuffix(program, ".go"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "main.go"), files[program], 0o600); err != nil {
		t.Fatal(err)
	}
	work := shortTemp(t)
	service, err := build.Build(t.Context(), dir, work, build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const scale = 1.0 / 60
	s, err := openStage(t.Context(), e, service, scale, work)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	one, err := s.start(t.Context())
	if errors.Is(err, cgroups.ErrUnavailable) {
		t.Skipf("NOT RUN: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer one.stop()
	if err := one.drive(t.Context(), e.Load, "steady", 1, time.Minute, 1); err != nil {
		t.Fatal(err)
	}
	err = one.until(t.Context(), limit, func() bool {
		for _, k := range c.Checks {
			fired = fired || len(one.watch.fired[c.ID+"/"+k.Name]) > 0
		}
		return fired
	})
	if err != nil && !errors.Is(err, errLimit) && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if len(one.watch.checks) == 0 {
		t.Fatal("the program watches nothing")
	}
	return time.Since(one.watch.begun), fired
}
