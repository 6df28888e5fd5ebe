package bundle

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/evidence/goroutines"
	"github.com/falsifiable/stability/evidence/profile"
	"github.com/falsifiable/stability/signals"
)

// readings are signals of a service that goes wrong: what waits and what is open rise, what is done comes to a halt.
type readings struct{ n float64 }

var (
	depth  = signals.Declare(signals.Desc{Name: "queue.depth"})
	opened = signals.Declare(signals.Desc{Name: "files.open.bytes", Unit: signals.Bytes})
	done   = signals.Declare(signals.Desc{Name: "jobs.done", Kind: signals.Counter})
	calm   = signals.Declare(signals.Desc{Name: "jobs.kinds"})
)

func (*readings) Describe() []*signals.Signal { return []*signals.Signal{depth, opened, done, calm} }

func (r *readings) Sample(dst *signals.Batch) {
	r.n++
	dst.Add(depth, r.n)
	dst.Add(opened, r.n*(1<<20))
	dst.Add(done, min(r.n*100, 4000))
	dst.Add(calm, 7)
}

// save has a monitor watch the service until its contract breaks, with a crowd that waits, and returns the bundle.
func save(t *testing.T, check stability.Check) string {
	t.Helper()
	never := make(chan int)
	for range 150 {
		go func() { <-never }()
	}
	t.Cleanup(func() { close(never) })
	dir := t.TempDir()
	capturer, err := evidence.Open(evidence.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler), Kinds: []evidence.Kind{goroutines.Stacks{}, profile.Heap{}}})
	if err != nil {
		t.Fatal(err)
	}
	m := stability.NewMonitor(stability.Config{SampleInterval: time.Millisecond, Warmup: -1, Evidence: capturer, Logger: slog.New(slog.DiscardHandler)})
	if err := m.Attach(&readings{}); err != nil {
		t.Fatal(err)
	}
	violated := make(chan struct{})
	check.Name, check.Expr = "depth", "max_over_time(queue.depth[200ms]) > 120"
	others := stability.Check{Name: "others", Expr: "max_over_time(files.open.bytes[200ms]) > 1TB || rate(jobs.done[200ms]) < -1/1s || max_over_time(jobs.kinds[200ms]) > 100"}
	err = m.Register(&stability.Contract{
		Name: "<script>", Interval: 2 * time.Millisecond, Checks: []stability.Check{check, others}, Lenient: true,
		OnViolation: func(_ context.Context, v stability.Violation) {
			if v.Name == "depth" && v.Strike == 1 {
				close(violated)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	<-violated
	m.Stop()
	bundles, err := filepath.Glob(filepath.Join(dir, "*", manifest))
	if err != nil || len(bundles) != 1 {
		t.Fatalf("bundles: %v, %v", bundles, err)
	}
	return filepath.Dir(bundles[0])
}

func explained(t *testing.T, path string) (*Explanation, string) {
	t.Helper()
	e, err := Explain(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	e.Print(&out)
	return e, out.String()
}

// A bundle that a monitor saved says what broke, what moved with it and what did not, who waits and what to try.
func TestExplain(t *testing.T) {
	path := save(t, stability.Check{Cause: "channelblock"})
	e, text := explained(t, path)
	for _, want := range []string{
		"<script>/depth: max_over_time(queue.depth[200ms]) > 120", "Since when", " * queue.depth ", "files.open.bytes", "MiB",
		"What fell with it", "jobs.done", "/s", "chan receive, suspect, at github.com/falsifiable/stability/lab/bundle.save.func1",
		"<-never", "look for a sender that returned early", "Who holds the live heap", "channelblock: ", "stability vet -only channelblock",
		"go tool pprof -top " + path, "stability replay " + path, "nobody has tried",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if strings.Contains(text, "jobs.kinds") {
		t.Error("what stayed as it was is told as a change")
	}
	if len(e.Unread) > 0 || len(e.Groups) == 0 || e.Groups[0].Count < 150 || !e.Grew[0].Own {
		t.Errorf("unread %v, groups %v, grew %v", e.Unread, e.Groups, e.Grew)
	}
	if t.Failed() {
		t.Log(text)
	}
}

// Where the check names no cause, those that read its signals are offered, as a guess.
func TestExplainGuessesByTheSignals(t *testing.T) {
	e := &Explanation{}
	e.findCause([]string{"go.goroutine.count", "go.goroutine.waiting"})
	var out bytes.Buffer
	e.printCause(&out)
	if e.Cause != nil || len(e.Guesses) == 0 || !strings.Contains(out.String(), "names none; these are known by the signals") || !strings.Contains(out.String(), "goroutineleak") {
		t.Errorf("%+v\n%s", e.Guesses, out.String())
	}
	e = &Explanation{}
	e.findCause([]string{"queue.depth"})
	out.Reset()
	e.printCause(&out)
	if !strings.Contains(out.String(), "no known one") {
		t.Errorf("%s", out.String())
	}
}

// Damage is named file by file; what is whole is explained all the same.
func TestDamage(t *testing.T) {
	path := save(t, stability.Check{})
	if v, err := Verify(path); err != nil || v.Damaged() != 0 || len(v.Files) < 4 {
		t.Fatalf("%+v, %v", v, err)
	}
	cut := filepath.Join(path, goroutines.StacksFile)
	if _, err := os.Stat(cut); err != nil {
		cut = filepath.Join(path, goroutines.ProfileFile)
	}
	if err := os.Truncate(cut, 100); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(path, heapFile)); err != nil {
		t.Fatal(err)
	}
	flip(t, filepath.Join(path, stability.RecordingDocument+".json"))
	if err := os.WriteFile(filepath.Join(path, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := Verify(path)
	if err != nil || v.Damaged() != 3 {
		t.Errorf("%d are damaged, %v", v.Damaged(), err)
	}
	var out bytes.Buffer
	v.Print(&out)
	for _, want := range []string{"heap.pb.gz is missing", "has 100 bytes", "SHA-256", "notes.txt: not of the bundle", "3 of "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
	e, text := explained(t, path)
	if len(e.Unread) != 3 || !strings.Contains(text, "NOT READ: recording.json") || !strings.Contains(text, "What broke") {
		t.Errorf("unread %q\n%s", e.Unread, text)
	}
}

// flip changes a file without changing its size.
func flip(t *testing.T, name string) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// The error for something that is no readable bundle says how to mend it.
func TestWhatIsNoBundle(t *testing.T) {
	for name, test := range map[string]struct{ content, want string }{
		"cut":             {`{"format": 1, "id": "x", "fil`, "copy the folder again"},
		"another version": {`{"format": 2}`, "the version that wrote it"},
		"no violation":    {`{"format": 1, "id": "x"}`, "names no violation"},
		"wrong violation": {`{"format": 1, "violation": 7}`, "the violation in its manifest"},
		"empty":           {"", "has no manifest.json"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if test.content != "" {
				if err := os.WriteFile(filepath.Join(dir, manifest), []byte(test.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Explain(dir); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
