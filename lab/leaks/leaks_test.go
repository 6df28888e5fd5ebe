package leaks

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/evidence/goroutines"
)

// crowd is goroutines that wait at one place.
type crowd struct {
	n           int
	state, file string
	line        int
}

// parse writes the stacks as debug=2 does, and reads them.
func parse(t *testing.T, crowds ...crowd) *goroutines.Dump {
	t.Helper()
	var text strings.Builder
	id := 1
	for _, c := range crowds {
		for range c.n {
			id++
			fmt.Fprintf(&text, "goroutine %d [%s]:\nmain.work(0x1)\n\t%s:%d +0x1d\ncreated by main.start in goroutine 1\n\t/src/start.go:9 +0x2a\n\n", id, c.state, c.file, c.line)
		}
	}
	d, err := goroutines.Parse(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A leak that is small is found by its growth; a pool that was there before, and what runs or sleeps, is not.
func TestGrowthTellsALeakFromAPool(t *testing.T) {
	source := filepath.Join(t.TempDir(), "wait.go")
	if err := os.WriteFile(source, []byte("package main\n\n\t<-never\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pool, busy := crowd{30, "chan receive", "/src/pool.go", 5}, crowd{9, "running", "/src/run.go", 1}
	before := parse(t, pool, crowd{2, "chan receive", source, 3})
	report := goroutines.Compare(before, parse(t, pool, busy, crowd{1, "chan receive", source, 3}, crowd{11, "chan receive, 7 minutes", source, 3}))
	report.ReadSource()
	suspects := report.Suspects()
	if len(suspects) != 1 || suspects[0].Count != 12 || suspects[0].Growth != 10 || suspects[0].Wait != 7*time.Minute || suspects[0].Source != "<-never" {
		t.Errorf("the suspects are %+v", suspects)
	}
	var out bytes.Buffer
	Print(&out, report, false)
	for _, want := range []string{"51 goroutines, +19", "12 (+10)  chan receive  suspect, the oldest for 7m", "wait.go:3", "<-never", "main.start (/src/start.go:9)", "2 other groups"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
	out.Reset()
	Print(&out, report, true)
	if !strings.Contains(out.String(), "pool.go:5") {
		t.Errorf("all groups are\n%s", out.String())
	}
}

// In one dump only a crowd is suspect, and what the collector has proven.
func TestOneDump(t *testing.T) {
	small := crowd{99, "chan receive", "/src/pool.go", 5}
	if s := goroutines.Compare(nil, parse(t, small)).Suspects(); len(s) != 0 {
		t.Errorf("the suspects are %+v", s)
	}
	report := goroutines.Compare(nil, parse(t, small, crowd{100, "chan send", "/src/send.go", 5}, crowd{1, "chan receive (leaked)", "/src/lost.go", 5}))
	if s := report.Suspects(); len(s) != 2 || !s[0].Leaked || s[1].Count != 100 {
		t.Errorf("the suspects are %+v", s)
	}
	var out bytes.Buffer
	Print(&out, goroutines.Compare(nil, parse(t, small)), false)
	if !strings.Contains(out.String(), "give a second dump") {
		t.Errorf("a report without suspects says %s", out.String())
	}
}

func TestRead(t *testing.T) {
	var full bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&full, 2); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, goroutines.StacksFile), full.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/debug/pprof/goroutine" {
			http.NotFound(w, r)
			return
		}
		w.Write(full.Bytes())
	}))
	defer server.Close()
	for _, target := range []string{dir, filepath.Join(dir, goroutines.StacksFile), server.URL + "/debug/pprof/goroutine"} {
		if d, err := Read(t.Context(), target); err != nil || d.Total < 2 {
			t.Errorf("%s: %v", target, err)
		}
	}
	for target, want := range map[string]string{t.TempDir(): "no bundle", server.URL: "its pprof", filepath.Join(dir, "none"): "no such file", server.URL + "\x00": "invalid"} {
		if _, err := Read(t.Context(), target); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", target, err, want)
		}
	}
}

// crowds writes a dump of many goroutines, as debug=2 does, and is asked at its end how much memory is in use.
type crowds struct {
	left, id int
	rest     []byte
	atEnd    func()
}

func (c *crowds) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.left == 0 {
			c.atEnd()
			return 0, io.EOF
		}
		c.left--
		c.id++
		for range 6 {
			c.rest = fmt.Appendf(c.rest, "main.step%d(0xc%09x)\n\t/src/pool.go:%d +0x1d\n", c.id%50, c.id, c.id%50)
		}
		c.rest = append(fmt.Appendf(nil, "goroutine %d [chan receive, %d minutes]:\n", c.id, c.id%600), append(c.rest, '\n')...)
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// A dump is streamed: what is kept follows the distinct stacks, not the goroutines.
func TestAHugeDumpIsStreamed(t *testing.T) {
	const goroutinesInIt = 100_000
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := &crowds{left: goroutinesInIt, atEnd: func() { runtime.GC(); runtime.ReadMemStats(&during) }}
	d, err := goroutines.Parse(c)
	if err != nil || d.Total != goroutinesInIt || len(d.Stacks) != 50 {
		t.Fatalf("%d goroutines in %d stacks, %v", d.Total, len(d.Stacks), err)
	}
	if grown := int64(during.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d KiB are kept of %d goroutines", grown>>10, goroutinesInIt)
	}
	if r := goroutines.Compare(nil, d); len(r.Groups) != 50 || r.Groups[0].Wait == 0 {
		t.Errorf("%d groups", len(r.Groups))
	}
}

// What is said to be likely has the catalogue's names, which the room of goroutines cannot ask.
func TestLikelyCausesAreInTheCatalogue(t *testing.T) {
	for _, id := range goroutines.Causes() {
		if english, _ := catalogue.Describe(id); english == "" {
			t.Errorf("there is no cause %q", id)
		}
	}
}
