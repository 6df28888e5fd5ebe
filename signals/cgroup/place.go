package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxDepth is how many ancestors are looked at; Kubernetes under systemd needs six.
const maxDepth = 32

// place is where the cgroups of a process are to be looked for.
type place struct{ root, proc string }

func newPlace(root string, pid int) place {
	who := "self"
	if pid > 0 {
		who = strconv.Itoa(pid)
	}
	return place{root, filepath.Join(root, "proc", who)}
}

func (p place) membership() string { return filepath.Join(p.proc, "cgroup") }

// hierarchy is the process's cgroup under one controller and all its ancestors, own first.
type hierarchy struct {
	unified bool // version 2
	dirs    []string
}

// has reports whether the hierarchy has the controller: that of version 1 was chosen for it, the unified one says so in the
// highest folder that can be seen.
func (h hierarchy) has(controller string) bool {
	if len(h.dirs) == 0 || !h.unified {
		return len(h.dirs) > 0
	}
	list, err := os.ReadFile(h.dirs[len(h.dirs)-1] + "/cgroup.controllers")
	return err == nil && slices.Contains(strings.Fields(string(list)), controller)
}

type located struct{ memory, cpu, pids, unified hierarchy }

// mount is a mounted hierarchy: the folder root of it is to be seen at dir.
type mount struct {
	root, dir   string
	unified     bool
	controllers []string
}

// locate finds the folders of the cgroups that membership, the text of /proc/PID/cgroup, names. The mounts are our own:
// those of another process may be in a name space that we cannot see into.
func (p place) locate(membership string) located {
	info, err := os.ReadFile(filepath.Join(p.root, "proc/self/mountinfo"))
	if err != nil {
		return located{}
	}
	mounts := parseMounts(string(info))
	var l located
	for line := range strings.Lines(membership) {
		id, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, path, ok := strings.Cut(rest, ":")
		if !ok {
			continue
		}
		if id == "0" && controllers == "" {
			l.unified = hierarchy{true, p.folders(mounts, path, func(m mount) bool { return m.unified })}
			continue
		}
		of := func(controller string) hierarchy {
			return hierarchy{false, p.folders(mounts, path, func(m mount) bool { return slices.Contains(m.controllers, controller) })}
		}
		for _, controller := range strings.Split(controllers, ",") {
			switch controller {
			case "memory":
				l.memory = of(controller)
			case "cpu":
				l.cpu = of(controller)
			case "pids":
				l.pids = of(controller)
			}
		}
	}
	// A controller is in one hierarchy only; those that version 1 does not have may be in the unified one.
	for _, h := range []*hierarchy{&l.memory, &l.cpu, &l.pids} {
		if len(h.dirs) == 0 {
			*h = l.unified
		}
	}
	return l
}

// folders returns the folders of the cgroup at path and its ancestors, as far as mounts show them.
func (p place) folders(mounts []mount, path string, of func(mount) bool) []string {
	best := -1
	for i, m := range mounts {
		if of(m) && (best < 0 || better(m, mounts[best], path)) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	m := mounts[best]
	top := filepath.Join(p.root, m.dir)
	rel, ok := below(path, m.root)
	if !ok {
		// The path is one of another name space: what is mounted for us is all there is to see, and it is ours.
		rel = ""
	}
	var dirs []string
	for dir := filepath.Join(top, rel); len(dirs) < maxDepth; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			dirs = append(dirs, dir)
		}
		if dir == top || len(dir) <= len(top) {
			break
		}
	}
	return dirs
}

// better reports whether mount a shows more of path's ancestors than b.
func better(a, b mount, path string) bool {
	_, inA := below(path, a.root)
	_, inB := below(path, b.root)
	if inA != inB {
		return inA
	}
	return len(a.root) < len(b.root)
}

// below returns path relative to root, if it is there.
func below(path, root string) (string, bool) {
	if root == "/" {
		return path, !strings.HasPrefix(path, "/..")
	}
	rest, ok := strings.CutPrefix(path, root)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// parseMounts returns the cgroup mounts of a mountinfo file: ID, parent, device, root, mount point, options, optional
// fields, a dash, type, source, options of the file system.
func parseMounts(info string) []mount {
	var mounts []mount
	for line := range strings.Lines(info) {
		before, after, ok := strings.Cut(line, " - ")
		fields, fs := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(fs) < 3 {
			continue
		}
		m := mount{root: unescape(fields[3]), dir: unescape(fields[4])}
		switch fs[0] {
		case "cgroup2":
			m.unified = true
		case "cgroup":
			m.controllers = strings.Split(fs[2], ",")
		default:
			continue
		}
		mounts = append(mounts, m)
	}
	return mounts
}

// unescape replaces the octal escapes that mountinfo has for blanks and the like.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
