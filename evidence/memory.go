package evidence

import (
	"bufio"
	"bytes"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/metrics"
	"strconv"
	"strings"
)

// memoryUse returns the use and limit of whichever memory limit of this process is nearest to its end, 0, 0 when there
// is none.
func memoryUse() (used, limit uint64) {
	used, limit = goMemory()
	cgUsed, cgLimit := cgroupMemory(os.DirFS("/"))
	if limit == 0 || cgLimit > 0 && float64(cgUsed)/float64(cgLimit) > float64(used)/float64(limit) {
		return cgUsed, cgLimit
	}
	return used, limit
}

// goMemory returns what GOMEMLIMIT counts and GOMEMLIMIT itself.
func goMemory() (used, limit uint64) {
	samples := []metrics.Sample{
		{Name: "/gc/gomemlimit:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() != metrics.KindUint64 {
			return 0, 0
		}
	}
	limit = samples[0].Value.Uint64()
	if limit == math.MaxInt64 {
		return 0, 0
	}
	return samples[1].Value.Uint64() - samples[2].Value.Uint64(), limit
}

// cgroupMemory returns the anonymous memory and the limit of the process's cgroup, the lowest of its ancestors' limits.
// Page cache does not count: the kernel gives it back before it kills anyone (apache/datafusion-comet#5993).
func cgroupMemory(fsys fs.FS) (used, limit uint64) {
	v1, v2 := cgroupPaths(fsys)
	for _, h := range []struct{ mount, path, limit, anon string }{
		{"sys/fs/cgroup", v2, "memory.max", "anon "},
		{"sys/fs/cgroup/memory", v1, "memory.limit_in_bytes", "total_rss "},
	} {
		if h.path == "" {
			continue
		}
		// Inside a container the path is the host's and not to be seen; then the mount's own root is ours.
		for dir := path.Clean("/" + h.path); ; dir = path.Dir(dir) {
			full := path.Join(h.mount, dir)
			if l := readUint(fsys, path.Join(full, h.limit)); l > 0 && (limit == 0 || l < limit) {
				used, limit = readField(fsys, path.Join(full, "memory.stat"), h.anon), l
			}
			if dir == "/" {
				break
			}
		}
	}
	return used, limit
}

// cgroupPaths returns the process's paths in the hierarchy of version 1 that has memory, and in that of version 2.
func cgroupPaths(fsys fs.FS) (v1, v2 string) {
	content, err := fs.ReadFile(fsys, "proc/self/cgroup")
	if err != nil {
		return "", ""
	}
	for line := range strings.Lines(string(content)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) != 3:
		case parts[0] == "0" && parts[1] == "":
			v2 = parts[2]
		case strings.Contains(","+parts[1]+",", ",memory,"):
			v1 = parts[2]
		}
	}
	return v1, v2
}

// readUint returns a file's number; 0 when there is none, and for the numbers near 2⁶³ by which version 1 says "no
// limit".
func readUint(fsys fs.FS, name string) uint64 {
	content, err := fs.ReadFile(fsys, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(content)), 10, 64)
	if err != nil || n >= 1<<60 {
		return 0
	}
	return n
}

func readField(fsys fs.FS, name, prefix string) uint64 {
	content, err := fs.ReadFile(fsys, name)
	if err != nil {
		return 0
	}
	for scanner := bufio.NewScanner(bytes.NewReader(content)); scanner.Scan(); {
		if value, ok := strings.CutPrefix(scanner.Text(), prefix); ok {
			n, _ := strconv.ParseUint(value, 10, 64)
			return n
		}
	}
	return 0
}
