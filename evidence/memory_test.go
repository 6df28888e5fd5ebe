package evidence

import (
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestCgroupMemory(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, c := range map[string]struct {
		files       fstest.MapFS
		used, limit uint64
	}{
		"no cgroup": {fstest.MapFS{}, 0, 0},
		"v2 in a container": {fstest.MapFS{
			"proc/self/cgroup":          file("0::/\n"),
			"sys/fs/cgroup/memory.max":  file("1000000\n"),
			"sys/fs/cgroup/memory.stat": file("anon 5000\nfile 900000\nanon_thp 7\n"),
		}, 5000, 1000000},
		"v2 with a lower limit above": {fstest.MapFS{
			"proc/self/cgroup":                   file("0::/pod/app\n"),
			"sys/fs/cgroup/pod/app/memory.max":   file("max\n"),
			"sys/fs/cgroup/pod/memory.max":       file("2000\n"),
			"sys/fs/cgroup/pod/memory.stat":      file("anon 1500\n"),
			"sys/fs/cgroup/pod/app/memory.stat":  file("anon 300\n"),
			"sys/fs/cgroup/other/app/memory.max": file("1\n"),
		}, 1500, 2000},
		"v2 with a higher limit above": {fstest.MapFS{
			"proc/self/cgroup":              file("0::/pod\n"),
			"sys/fs/cgroup/pod/memory.max":  file("1000\n"),
			"sys/fs/cgroup/pod/memory.stat": file("anon 300\n"),
			"sys/fs/cgroup/memory.max":      file("2000\n"),
		}, 300, 1000},
		"v1 beside v2, path of the host": {fstest.MapFS{
			"proc/self/cgroup":                           file("8:pids:/x\n5:cpu,memory:/docker/abc\n0::/\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("3000\n"),
			"sys/fs/cgroup/memory/memory.stat":           file("cache 2900\ntotal_rss 100\n"),
		}, 100, 3000},
		"v1 unlimited": {fstest.MapFS{
			"proc/self/cgroup":                           file("5:memory:/\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n"),
		}, 0, 0},
		"garbage": {fstest.MapFS{"proc/self/cgroup": file("0::\nx\n5:memory\n"), "sys/fs/cgroup/memory.max": file("-1\n")}, 0, 0},
	} {
		if used, limit := cgroupMemory(c.files); used != c.used || limit != c.limit {
			t.Errorf("%s: %d of %d, want %d of %d", name, used, limit, c.used, c.limit)
		}
	}
}

func TestGoMemoryLimit(t *testing.T) {
	const limit = 1 << 40
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(limit))
	used, got := goMemory()
	if got != limit || used < 1<<20 || used > limit {
		t.Errorf("%d of %d, want some of %d", used, got, uint64(limit))
	}
}
