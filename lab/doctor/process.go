package doctor

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/falsifiable/stability/signals/cgroup"
)

// Binary judges a Go program on disk.
func Binary(name string) (*Report, error) {
	c := &container{subject: name, env: map[string]setting{}, memory: math.NaN(), cpus: math.NaN()}
	if err := c.readBinary(name); err != nil {
		return nil, err
	}
	r := &Report{Judged: []string{name}, Findings: c.runtime()}
	r.sort()
	return r, nil
}

var goVersion = regexp.MustCompile(`^(?:devel )?go1\.([0-9]+)`)

// tuners set the memory limit by themselves.
var tuners = []string{"github.com/KimMachineGun/automemlimit", "github.com/falsifiable/stability"}

func (c *container) readBinary(name string) error {
	info, err := buildinfo.ReadFile(name)
	if err != nil {
		return fmt.Errorf("doctor: reading %s: it is no Go program: %w", name, err)
	}
	if m := goVersion.FindStringSubmatch(info.GoVersion); m != nil {
		c.goVersion, _ = strconv.Atoi(m[1])
	}
	for _, d := range info.Deps {
		c.modules = append(c.modules, d.Path)
	}
	for _, t := range tuners {
		c.tuned = c.tuned || c.has(t) || info.Main.Path == t
	}
	for _, s := range info.Settings {
		if s.Key == "DefaultGODEBUG" {
			c.env["GODEBUG"] = setting{value: s.Value}
		}
	}
	return nil
}

// Process judges a running process.
func Process(pid int) (*Report, error) { return processAt("/", pid) }

func processAt(root string, pid int) (*Report, error) {
	dir := filepath.Join(root, "proc", strconv.Itoa(pid))
	environment, err := os.ReadFile(filepath.Join(dir, "environ"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("doctor: process %d is gone", pid)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("doctor: process %d is somebody else's: run this as the same user, or as root", pid)
	case err != nil:
		return nil, fmt.Errorf("doctor: reading process %d: %w", pid, err)
	}
	c := &container{subject: fmt.Sprintf("process %d", pid), env: map[string]setting{}, memory: math.NaN(), cpus: math.NaN()}
	if err := c.readBinary(filepath.Join(dir, "exe")); err != nil {
		return nil, err
	}
	delete(c.env, "GODEBUG") // only the variable is judged: it adds to what was compiled in, and can be mended
	for entry := range strings.SplitSeq(string(environment), "\x00") {
		if name, value, ok := strings.Cut(entry, "="); ok {
			c.env[name] = setting{value: value}
		}
	}
	reader := cgroup.OpenAt(root, pid)
	defer reader.Close()
	reading := reader.Read()
	if v, binds := reading.Memory.Limit.Bound(); binds {
		c.memory = v
	}
	if v, binds := reading.CPU.Limit.Bound(); binds {
		c.cpus = v
	}
	r := &Report{Judged: []string{c.subject}, Findings: c.runtime()}
	r.Findings = append(r.Findings, c.states(reading)...)
	r.Findings = append(r.Findings, c.ulimits(root, dir, reading)...)
	r.sort()
	return r, nil
}

// states judges whether limits can be seen.
func (c *container) states(r *cgroup.Reading) (found []Finding) {
	for _, l := range []struct {
		what  string
		limit cgroup.Limit
	}{{"memory", r.Memory.Limit}, {"cpu", r.CPU.Limit}} {
		switch l.limit.State {
		case cgroup.Unreadable:
			found = append(found, c.find("cgroup", Warning, place{}, fmt.Sprintf("the limit of %s cannot be read: %s: %v", l.what, l.limit.Path, l.limit.Err), "nothing can be fitted to it", "mount /sys/fs/cgroup, read-only suffices"))
		case cgroup.Missing:
			found = append(found, c.find("cgroup", Note, place{}, fmt.Sprintf("no cgroup with the %s controller is to be seen", l.what), "limits may be there and not be known", "mount /sys/fs/cgroup, read-only suffices"))
		case cgroup.AboveHost:
			found = append(found, c.find("cgroup", Note, place{}, fmt.Sprintf("the limit of %s is above what the machine has", l.what), "the machine is what limits, and all its processes share it", "a limit below the machine's"))
		}
	}
	return found
}

// ulimits judges the limits of the process.
func (c *container) ulimits(root, dir string, r *cgroup.Reading) (found []Finding) {
	limits, err := os.ReadFile(filepath.Join(dir, "limits"))
	if err != nil {
		return nil
	}
	hard := func(name string) float64 {
		for line := range strings.Lines(string(limits)) {
			if rest, ok := strings.CutPrefix(line, name); ok {
				fields := strings.Fields(rest)
				if len(fields) < 2 || fields[1] == "unlimited" {
					return math.Inf(1)
				}
				n, _ := strconv.ParseFloat(fields[1], 64)
				return n
			}
		}
		return math.Inf(1)
	}
	if n := hard("Max open files"); n < 4096 {
		found = append(found, c.find("ulimit", Warning, place{}, fmt.Sprintf("at most %g file descriptors", n), "each connection takes one; beyond it accept fails and the listener spins", "ulimit -n 65536, or LimitNOFILE=65536"))
	}
	if l := r.Pids.Limit; l.State == cgroup.Limited && l.Value < 200 {
		found = append(found, c.find("ulimit", Warning, place{}, fmt.Sprintf("at most %g processes and threads", l.Value), "threads in system calls and in cgo count; when none can be made the runtime ends the process", "--pids-limit 1024, or podPidsLimit"))
	}
	if trace := c.env["GOTRACEBACK"].value; (trace == "crash" || trace == "wer") && hard("Max core file size") > 0 {
		pattern, _ := os.ReadFile(filepath.Join(root, "proc/sys/kernel/core_pattern"))
		found = append(found, c.find("gotraceback", Note, place{}, "a core dump goes to "+strings.TrimSpace(string(pattern)), "it is as large as the process's memory", "ulimit -c 0, unless it is wanted"))
	}
	return found
}
