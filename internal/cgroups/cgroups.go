// Package cgroups makes real control groups, of version 1 or 2, to run programs under test in. It needs the rights and the
// kernel for it; who has not gets [ErrUnavailable], and is to say NOT RUN.
package cgroups

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrUnavailable is what [Make] fails with where no cgroup can be made.
var ErrUnavailable = errors.New("cgroups: none can be made here")

// Limits are those of a group; 0 is none.
type Limits struct {
	Memory int64   // bytes
	CPU    float64 // CPUs
}

// Group is a control group. Not safe for concurrent use.
type Group struct {
	unified     bool
	memory, cpu string // folders; "" without a limit, the same in version 2
}

const root = "/sys/fs/cgroup"

// Make makes a group, which the caller removes.
func Make(name string, limits Limits) (*Group, error) {
	g := &Group{}
	_, err := os.Stat(root + "/cgroup.controllers")
	g.unified = err == nil
	if err := g.make(name, limits); err != nil {
		g.Remove()
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return g, nil
}

func (g *Group) make(name string, limits Limits) error {
	if g.unified {
		g.memory = filepath.Join(root, name)
		g.cpu = g.memory
		// Without delegation from above the next steps fail and say so.
		_ = os.WriteFile(root+"/cgroup.subtree_control", []byte("+memory +cpu"), 0o644)
		if err := os.Mkdir(g.memory, 0o755); err != nil {
			return err
		}
	} else {
		g.memory, g.cpu = filepath.Join(root, "memory", name), filepath.Join(root, "cpu", name)
		if err := errors.Join(os.Mkdir(g.memory, 0o755), os.Mkdir(g.cpu, 0o755)); err != nil {
			return err
		}
	}
	return errors.Join(g.SetMemory(limits.Memory), g.SetCPU(limits.CPU))
}

func set(dir, file, value string) error {
	return os.WriteFile(filepath.Join(dir, file), []byte(value), 0o644)
}

// SetMemory changes the memory limit; swap is not used.
func (g *Group) SetMemory(bytes int64) error {
	if bytes == 0 {
		return nil
	}
	n := strconv.FormatInt(bytes, 10)
	if g.unified {
		_ = set(g.memory, "memory.swap.max", "0")
		return set(g.memory, "memory.max", n)
	}
	_ = set(g.memory, "memory.memsw.limit_in_bytes", "-1") // or the next would be above it
	if err := set(g.memory, "memory.limit_in_bytes", n); err != nil {
		return err
	}
	_ = set(g.memory, "memory.swappiness", "0")
	return nil
}

// SetCPU changes the CPU quota.
func (g *Group) SetCPU(cpus float64) error {
	if cpus == 0 {
		return nil
	}
	const period = 100_000
	quota := strconv.Itoa(int(math.Round(cpus * period)))
	if g.unified {
		return set(g.cpu, "cpu.max", fmt.Sprintf("%s %d", quota, period))
	}
	return errors.Join(set(g.cpu, "cpu.cfs_period_us", strconv.Itoa(period)), set(g.cpu, "cpu.cfs_quota_us", quota))
}

// Command returns the command of a program that runs in the group from its first instruction.
func (g *Group) Command(program string, args ...string) *exec.Cmd {
	join := fmt.Sprintf("echo $$ > %s/cgroup.procs && echo $$ > %s/cgroup.procs && exec \"$0\" \"$@\"", g.memory, g.cpu)
	return exec.Command("/bin/sh", append([]string{"-c", join, program}, args...)...)
}

// Kills returns how many processes of the group the kernel has killed for memory.
func (g *Group) Kills() int {
	file := "memory.oom_control"
	if g.unified {
		file = "memory.events"
	}
	content, _ := os.ReadFile(filepath.Join(g.memory, file))
	for line := range strings.Lines(string(content)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			kills, _ := strconv.Atoi(strings.TrimSpace(n))
			return kills
		}
	}
	return 0
}

// Remove removes the group. Its processes must have ended; the kernel may need a moment to see that.
func (g *Group) Remove() {
	for _, dir := range []string{g.memory, g.cpu} {
		for range 100 {
			if err := os.Remove(dir); err == nil || os.IsNotExist(err) || dir == "" {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}
