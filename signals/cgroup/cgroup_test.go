package cgroup

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/falsifiable/stability/signals"
)

var update = flag.Bool("update", false, "write what the trees give into them; read the difference")

// TestTrees reads file trees as kernels and container runtimes lay them out, and compares all readings.
func TestTrees(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 8 {
		t.Fatalf("%d trees, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			root, want := layOut(t, name)
			got := text(t, NewSource(OpenAt(root, 0)))
			if *update {
				content, _ := os.ReadFile(name)
				before, _, _ := strings.Cut(string(content), "-- want --\n")
				if err := os.WriteFile(name, []byte(before+"-- want --\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("readings are\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// layOut writes an archive's files below a temporary root and returns it, and the readings that are wanted.
func layOut(t testing.TB, archive string) (root, want string) {
	t.Helper()
	content, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	files := make(map[string]string)
	name := ""
	for line := range strings.Lines(string(content)) {
		if after, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(strings.TrimSpace(after), " --")
			continue
		}
		files[name] += line
	}
	want = files["want"]
	delete(files, "want")
	delete(files, "")
	for name, text := range files {
		write(t, filepath.Join(root, name), text)
	}
	return root, want
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, s *Source) map[string]float64 {
	t.Helper()
	var batch signals.Batch
	s.Sample(&batch)
	if batch.Refused() > 0 {
		t.Errorf("%d readings were refused", batch.Refused())
	}
	readings := make(map[string]float64)
	for _, r := range batch.Readings() {
		readings[r.Signal.Name()+r.Labels.String()] = r.Value
	}
	return readings
}

func text(t testing.TB, s *Source) string {
	readings := read(t, s)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(readings)) {
		fmt.Fprintln(&b, name, fmt.Sprintf("%.6g", readings[name]))
	}
	return b.String()
}

func TestResizeAndMoveAreFollowed(t *testing.T) {
	root, _ := layOut(t, "testdata/v2-docker.txtar")
	s := NewSource(OpenAt(root, 0))
	if got := read(t, s)["cgroup.memory.limit"]; got != 512<<20 {
		t.Fatalf("limit %v, want 512 MiB", got)
	}
	within := func(what string, done func(map[string]float64) bool) {
		t.Helper()
		for range Lag {
			if done(read(t, s)) {
				return
			}
		}
		t.Errorf("%s was not seen within %d readings: %v", what, Lag, read(t, s))
	}
	write(t, filepath.Join(root, "sys/fs/cgroup/memory.max"), "1073741824\n")
	within("a resize", func(r map[string]float64) bool { return r["cgroup.memory.limit"] == 1<<30 })
	write(t, filepath.Join(root, "sys/fs/cgroup/memory.max"), "max\n")
	within("the limit's end", func(r map[string]float64) bool {
		_, limited := r["cgroup.memory.limit"]
		return !limited && r[`cgroup.limit.state{resource="memory",state="unlimited"}`] == 1
	})
	write(t, filepath.Join(root, "sys/fs/cgroup/b/memory.max"), "4096000\n")
	write(t, filepath.Join(root, "proc/self/cgroup"), "0::/b\n")
	within("a move", func(r map[string]float64) bool { return r["cgroup.memory.limit"] == 4096000 })
}

// Near the limit what can be reclaimed is read in every tick.
func TestHeadroomIsExactNearTheLimit(t *testing.T) {
	root, _ := layOut(t, "testdata/v2-docker.txtar")
	s := NewSource(OpenAt(root, 0))
	read(t, s)
	dir := filepath.Join(root, "sys/fs/cgroup")
	for i := range 10 {
		cache := 100<<20 + i*10<<20
		write(t, dir+"/memory.current", fmt.Sprintln(500<<20))
		write(t, dir+"/memory.stat", fmt.Sprintf("anon %d\nfile %d\ninactive_file %d\nactive_file 0\n", 500<<20-cache, cache, cache))
		if got, want := read(t, s)["cgroup.memory.headroom"], float64(12<<20+cache); got != want {
			t.Fatalf("headroom %v with %d bytes of page cache, want %v", got, cache, want)
		}
	}
}

func TestStatesHaveWords(t *testing.T) {
	for s := range states + 1 {
		if s.String() == "" {
			t.Errorf("state %d has no word", s)
		}
	}
	root, _ := layOut(t, "testdata/unreadable.txtar")
	r := OpenAt(root, 0)
	l := r.Read().Memory.Limit
	if l.State != Unreadable || l.Err == nil || !strings.HasSuffix(l.Path, "a/b/memory.max") {
		t.Errorf("limit %+v, want unreadable, with the file and why", l)
	}
	if _, binds := l.Bound(); binds || !math.IsNaN(l.Value) {
		t.Errorf("an unreadable limit is %v", l.Value)
	}
	r.Close()
}

// What the process cannot know of a file that vanishes under it is no reading.
func TestAVanishedCgroupHasNoReadings(t *testing.T) {
	root, _ := layOut(t, "testdata/v2-docker.txtar")
	r := OpenAt(root, 0)
	r.Read()
	r.memory.levels[0].usage.close() // as a read from a removed cgroup fails
	if m := r.Read().Memory; !math.IsNaN(m.Usage) || !math.IsNaN(m.Headroom) {
		t.Errorf("usage %v, headroom %v of a file that cannot be read", m.Usage, m.Headroom)
	}
}

func TestSampleAllocatesNothing(t *testing.T) {
	root, _ := layOut(t, "testdata/v2-kubernetes.txtar")
	for _, s := range []*Source{NewSource(OpenAt(root, 0)), New()} {
		var batch signals.Batch
		s.Sample(&batch)
		if n := testing.AllocsPerRun(10*Lag, func() { batch.Reset(); s.Sample(&batch) }); n != 0 {
			t.Errorf("Sample allocates %v times, want 0", n)
		}
	}
}

func TestCPUList(t *testing.T) {
	for list, want := range map[string]int{"0": 1, "0-3": 4, "0-1,4,6-7\n": 5, "": 0, "x": 0, "3-1": 0, "0-99999999": 0} {
		if got := cpuList(list); got != want {
			t.Errorf("cpuList(%q) = %d, want %d", list, got, want)
		}
	}
}

func FuzzParsers(f *testing.F) {
	f.Add("0::/a\n", "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "anon 1\nfile 2\n", "some avg10=0 total=5\n")
	f.Add("4:memory:/x\n", `35 24 0:30 /x\040y /s rw - cgroup cgroup rw,memory`, "total_rss 1\n\n", "full total=\n")
	f.Fuzz(func(t *testing.T, membership, mounts, stat, psi string) {
		root := t.TempDir()
		write(t, filepath.Join(root, "proc/self/mountinfo"), mounts)
		for _, dir := range newPlace(root, 0).locate(membership).memory.dirs {
			if !strings.HasPrefix(dir, root) && filepath.IsAbs(dir) && !strings.Contains(mounts, "..") && !strings.Contains(membership, "..") {
				t.Errorf("looks at %s", dir)
			}
		}
		k := keyed("anon", "file")
		for range 2 {
			k.scan([]byte(stat))
		}
		stalled([]byte(psi), "some")
	})
}

func BenchmarkSample(b *testing.B) {
	s := New()
	var batch signals.Batch
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		s.Sample(&batch)
	}
}
