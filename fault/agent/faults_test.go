package agent

import (
	"context"
	"database/sql/driver"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/internal/openconfigs"
	"github.com/falsifiable/stability/internal/openpeers"
	"github.com/falsifiable/stability/signals/sqldb"
)

func TestEveryFolderIsListed(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var folders, names []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "agent" && e.Name() != "internal" {
			folders = append(folders, e.Name())
		}
	}
	for _, f := range Faults() {
		names = append(names, f.Name)
	}
	if !slices.Equal(folders, names) {
		t.Errorf("folders %v, listed %v", folders, names)
	}
}

// small makes faults quick to release; ordered alone, none of them has any effect that a test would mind. They are slow to begin, for on a
// busy machine the look that comes at once after their start may come late.
var small = map[string]fault.Settings{
	"allocstorm":    {"live": "1MiB", "rate": "1MiB/s"},
	"cpuburn":       {"goroutines": "1", "duty": "1%"},
	"fdleak":        {"max": "20", "rate": "5"},
	"goroutineleak": {"max": "20", "rate": "5"},
	"heapgrowth":    {"max": "1MiB", "rate": "80KiB/s"},
	"lockconvoy":    {"waiters": "4", "hold": "50ms"},
	"offheap":       {"max": "1MiB", "rate": "1MiB/s"},
	"standin":       {"signal": "none"},
	"threadleak":    {"max": "4", "rate": "5"},
}

// nowhere is a database that cannot be reached.
type nowhere struct{}

func (nowhere) Connect(context.Context) (driver.Conn, error) { return nil, driver.ErrBadConn }
func (nowhere) Driver() driver.Driver                        { return nil }

// What every fault promises, whatever it does: its declaration is whole, it is not active before it began and not
// after it ended, it ends with its context as by removal, and nothing of it is left.
func TestEveryFaultKeepsItsPromises(t *testing.T) {
	db := sqldb.New(sqldb.Config{}).OpenDB("test", nowhere{}) // for those that need a pool
	defer db.Close()
	peer := &openpeers.Peer{Name: "test", Hold: func(context.Context) (func() bool, error) { return nil, driver.ErrBadConn }}
	openpeers.Add(peer)
	defer runtime.KeepAlive(peer)
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte("pool: 50\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := &openconfigs.Config{Name: "test", Path: path, Rejected: func() (uint64, uint64, uint64) { return 0, 0, 0 }, Look: func() {}}
	openconfigs.Add(config) // for those that need a configuration file
	defer runtime.KeepAlive(config)
	for _, f := range Faults() {
		t.Run(f.Name, func(t *testing.T) {
			if err := f.Validate(); err != nil {
				t.Error(err)
			}
			if !strings.HasSuffix(f.Help, ".") {
				t.Errorf("its help is no sentence: %q", f.Help)
			}
			for _, p := range f.Params {
				if !strings.HasSuffix(p.Help, ".") {
					t.Errorf("the help of %s is no sentence: %q", p.Name, p.Help)
				}
			}
			endings := map[string]func(cancel func(), i fault.Injection){
				"canceled": func(cancel func(), _ fault.Injection) { cancel() },
				"removed":  func(_ func(), i fault.Injection) { i.Remove(t.Context()) },
			}
			for how, end := range endings {
				goroutines, files := runtime.NumGoroutine(), fault.OpenFiles()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				injection, err := f.Inject(ctx, small[f.Name], 1)
				if err != nil {
					t.Fatal(err)
				}
				if w := injection.Witness(); w.Active || math.IsNaN(w.Value) {
					t.Errorf("at once after Start witness = %+v", w)
				}
				end(cancel, injection)
				ended := injection.(interface{ Ended() bool })
				if !faulttest.Until(t, ended.Ended) {
					t.Fatalf("%s: it has not ended", how)
				}
				if !faulttest.Until(t, func() bool { return runtime.NumGoroutine() <= goroutines }) {
					t.Errorf("%s: %d goroutines before, %d after", how, goroutines, runtime.NumGoroutine())
				}
				if n := fault.OpenFiles(); n > files {
					t.Errorf("%s: %g open files before, %g after", how, files, n)
				}
				if faultpoint.Handler() != nil {
					t.Errorf("%s: it is still in the way of requests", how)
				}
				if w := injection.Witness(); w.Active {
					t.Errorf("%s: witness = %+v", how, w)
				}
				if residue, err := injection.Remove(t.Context()); err != nil || residue.Value != 0 {
					t.Errorf("%s: Remove afterwards = %+v, %v", how, residue, err)
				}
			}
		})
	}
}
