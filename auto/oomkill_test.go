//go:build unix

package auto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/falsifiable/stability/internal/cgroups"
	"github.com/falsifiable/stability/internal/timescale"
)

// TestMain turns into the program that TestEvidenceComesBeforeTheKill runs: it leaks memory off the heap until it is killed.
func TestMain(m *testing.M) {
	dir := os.Getenv("AUTO_TEST_LEAK")
	if dir == "" {
		os.Exit(m.Run())
	}
	timescale.Set(1.0 / 60)
	if _, err := Start(context.Background(), Config{Service: "leaky", EvidenceDir: dir, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		panic(err)
	}
	time.Sleep(2 * time.Second)
	for range 1000 {
		block, err := syscall.Mmap(-1, 0, 2<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			panic(err)
		}
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// In a real container nothing holds the leak back and the kernel kills. The last thing on disk says why.
func TestEvidenceComesBeforeTheKill(t *testing.T) {
	g, err := cgroups.Make(fmt.Sprintf("stability-auto-%d", os.Getpid()), cgroups.Limits{Memory: 192 << 20})
	if errors.Is(err, cgroups.ErrUnavailable) {
		t.Skipf("NOT RUN: %v", err)
	}
	defer g.Remove()
	dir := t.TempDir()
	cmd := g.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "AUTO_TEST_LEAK="+dir, "GOMEMLIMIT=")
	out, err := cmd.CombinedOutput()
	if g.Kills() != 1 || err == nil {
		t.Fatalf("the kernel killed %d processes: %v: %.500s", g.Kills(), err, out)
	}
	var whole []string
	for _, pattern := range []string{"*oomkill-soon*/manifest.json", "*oomkill-room*/manifest.json"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		whole = append(whole, found...)
	}
	if len(whole) == 0 {
		all, _ := os.ReadDir(dir)
		t.Fatalf("no evidence of an OOM kill to come; there is %v", all)
	}
	manifest, err := os.ReadFile(whole[0])
	if err != nil || !strings.Contains(string(manifest), "cgroup.memory.headroom") {
		t.Errorf("the bundle does not tell of the headroom: %v: %.500s", err, manifest)
	}
}
