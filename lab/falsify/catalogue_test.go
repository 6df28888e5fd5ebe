package falsify

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/agent"
	"github.com/falsifiable/stability/lab/falsify/build"
	"github.com/falsifiable/stability/lab/falsify/experiment"
)

// TestCatalogue runs the experiment of every cause: under the same load its sick program must break the stock
// contract and its healthy twin must not; and then the fault must break the twin's, or the check is blind.
func TestCatalogue(t *testing.T) {
	for _, c := range catalogue.All() {
		t.Run(c.ID, func(t *testing.T) {
			t.Run("sick", func(t *testing.T) {
				s := stageExperiment(t, c, "sick.go")
				if err := s.until(t.Context(), patience, violated(s, c)); err != nil {
					t.Errorf("the sick program does not break the contract: %v", err)
				}
			})
			t.Run("healthy", func(t *testing.T) {
				s := stageExperiment(t, c, "healthy.go")
				if err := s.until(t.Context(), calm, violated(s, c)); !errors.Is(err, errLimit) {
					t.Fatalf("the healthy program breaks the contract, or could not be watched: %v", err)
				}
				trial, _ := c.Trial(c.Checks[0].Name)
				_, err := s.client.Inject(t.Context(), trial.Fault, fault.Order{Params: trial.Params, Seed: 1})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.until(t.Context(), patience, violated(s, c)); err != nil {
					t.Errorf("the fault does not break the contract: %v", err)
				}
			})
		})
	}
}

// TestCatalogueNames resolves what causes name by string.
func TestCatalogueNames(t *testing.T) {
	for _, c := range catalogue.All() {
		for _, trial := range c.Trials {
			f, err := fault.Find(agent.Faults(), trial.Fault)
			if err != nil {
				t.Errorf("%s: %v", c.ID, err)
				continue
			}
			if _, err := f.Args(trial.Params, 1); err != nil {
				t.Errorf("%s: %v", c.ID, err)
			}
		}
	}
}

const (
	experimentScale = 1.0 / 120
	calm            = 6 * time.Second  // twelve minutes of the contract
	patience        = 30 * time.Second // an hour
)

// violated returns a condition: the cause's contract has been broken.
func violated(s *subject, c cause.Cause) func() bool {
	return func() bool {
		for _, k := range c.Checks {
			if len(s.watch.fired[c.ID+"/"+k.Name]) > 0 {
				return true
			}
		}
		return false
	}
}

// stageExperiment builds one program of a cause's experiment, starts it and its load.
func stageExperiment(t *testing.T, c cause.Cause, program string) *subject {
	t.Helper()
	dir := layOut(t, c, program)
	e, err := experiment.Find(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	workDir, err := os.MkdirTemp("", "fx-") // short: a Unix socket's path has little room
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(workDir) })
	service, err := build.Build(t.Context(), dir, workDir)
	if err != nil {
		t.Fatal(err)
	}
	stage, err := openStage(t.Context(), e, service, experimentScale, workDir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stage.close)
	// The service must outlive t.Context, which ends before the cleanups do.
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	s, err := stage.start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop() })
	if err := s.drive(ctx, e.Load, "steady", 1, time.Minute, 1); err != nil {
		t.Fatal(err)
	}
	return s
}

// layOut writes the program as a module of its own, which reaches the library as a user's module does.
func layOut(t *testing.T, c cause.Cause, program string) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	for _, f := range txtar.Parse([]byte(c.Experiment)).Files {
		switch f.Name {
		case program:
			write("main.go", f.Data)
		case experiment.FileName:
			write(f.Name, f.Data)
		}
	}
	mod := bytes.Replace(read("go.mod"), []byte("module github.com/falsifiable/stability\n"), []byte("module experiment\n"), 1)
	mod = append(mod, "\nrequire github.com/falsifiable/stability v0.0.0\n\nreplace github.com/falsifiable/stability => "+root+"\n"...)
	write("go.mod", mod)
	write("go.sum", read("go.sum"))
	return dir
}
