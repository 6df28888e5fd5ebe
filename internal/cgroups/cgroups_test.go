package cgroups

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func group(t *testing.T, limits Limits) (*Group, string) {
	t.Helper()
	name := fmt.Sprintf("stability-cgroups-%d", os.Getpid())
	g, err := Make(name, limits)
	if errors.Is(err, ErrUnavailable) {
		t.Skipf("NOT RUN: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Remove)
	return g, name
}

// A program that is started in a group is in it, under its limits, and the group is gone after Remove.
func TestGroup(t *testing.T) {
	g, name := group(t, Limits{Memory: 64 << 20, CPU: 0.5})
	out, err := g.Command("/bin/cat", "/proc/self/cgroup").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "/"+name) {
		t.Errorf("a program in the group is in %s, %v", out, err)
	}
	memory, cpu := "memory.limit_in_bytes", "cpu.cfs_quota_us"
	if g.unified {
		memory, cpu = "memory.max", "cpu.max"
	}
	for file, want := range map[string]string{filepath.Join(g.memory, memory): "67108864", filepath.Join(g.cpu, cpu): "50000"} {
		if content, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(content), want) {
			t.Errorf("%s is %q, %v; want %s", file, content, err, want)
		}
	}
	if err := g.SetMemory(32 << 20); err != nil {
		t.Errorf("changing the limit: %v", err)
	}
	g.Remove()
	if _, err := os.Stat(g.memory); !os.IsNotExist(err) {
		t.Errorf("after Remove the group is still there: %v", err)
	}
}

// What the kernel kills for memory is counted.
func TestKills(t *testing.T) {
	g, _ := group(t, Limits{Memory: 16 << 20})
	if n := g.Kills(); n != 0 {
		t.Errorf("%d kills before there was a process", n)
	}
	// A shell's variable that doubles until there is no room.
	out, err := g.Command("/bin/sh", "-c", `x=0123456789abcdef; while :; do x="$x$x"; done`).CombinedOutput()
	if err == nil || g.Kills() == 0 {
		t.Errorf("the program ended with %v and %s; %d kills", err, out, g.Kills())
	}
}

func TestUnavailable(t *testing.T) {
	if _, err := Make("no/such/parent", Limits{Memory: 1 << 20}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a group in a folder that is not there: %v", err)
	}
}
