package evidence

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// kindFunc makes a kind of a function.
type kindFunc struct {
	name    string
	collect func(ctx context.Context, d *Draft) error
}

func (k kindFunc) Name() string                                { return k.name }
func (k kindFunc) Collect(ctx context.Context, d *Draft) error { return k.collect(ctx, d) }

// filler is a kind that writes a file of n bytes.
func filler(name string, n int) Kind {
	return kindFunc{name, func(_ context.Context, d *Draft) error {
		_, err := d.Create(name + ".bin").Write(make([]byte, n))
		return err
	}}
}

// open opens a capturer without any gates unless cfg has some.
func open(t testing.TB, cfg Config) *Capturer {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	for _, d := range []*time.Duration{&cfg.Cooldown, &cfg.Spacing, &cfg.HighWaterReset} {
		if *d == 0 {
			*d = -1
		}
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func capture(t testing.TB, c *Capturer, r Request) Bundle {
	t.Helper()
	b, err := c.Capture(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func list(t testing.TB, dir string) []Bundle {
	t.Helper()
	bundles, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	return bundles
}

func TestCapture(t *testing.T) {
	c := open(t, Config{Kinds: []Kind{
		kindFunc{"stacks", func(_ context.Context, d *Draft) error {
			io.WriteString(d.Create("stacks.txt"), "all of ")
			d.Sign("2 of 3: main.f")
			d.Skip("stacks-full.txt", "%d are too many", d.Goroutines)
			_, err := io.WriteString(d.files[0], "them")
			return err
		}},
		kindFunc{"heap", func(_ context.Context, d *Draft) error {
			d.Create("heap.bin").Write([]byte("half"))
			return errors.New("no heap today")
		}},
	}})
	b := capture(t, c, Request{Key: `pay/pool{pool="a/../b"}`, Level: 1.5, Violation: map[string]int{"strike": 1},
		Documents: documents(map[string]any{"contract": "the contract", "baselines": []int{1, 2}})})

	read, err := Read(b.Path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range read.Files {
		names = append(names, f.Kind+":"+f.Name)
	}
	if want := []string{"baselines:baselines.json", "contract:contract.json", "stacks:stacks.txt"}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	if read.Key != `pay/pool{pool="a/../b"}` || read.Level != 1.5 || read.Signature != "2 of 3: main.f" ||
		read.Build.Go != runtime.Version() || !strings.Contains(string(read.Violation), `"strike": 1`) {
		t.Errorf("manifest %+v", read.Manifest)
	}
	if text, err := read.ReadFile("stacks.txt"); string(text) != "all of them" {
		t.Errorf("stacks.txt is %q, %v", text, err)
	}
	var baselines []int
	if err := read.Decode("baselines", &baselines); err != nil || !slices.Equal(baselines, []int{1, 2}) {
		t.Errorf("baselines %v, %v", baselines, err)
	}
	if len(read.Skipped) != 2 || read.Skipped[0].What != "stacks-full.txt" || read.Skipped[1].Why != "no heap today" {
		t.Errorf("skipped %+v", read.Skipped)
	}
	if _, err := os.Stat(filepath.Join(b.Path, "heap.bin")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the file of a kind that failed is in the bundle")
	}
	if s := c.Stats(); s.Captured != 1 || s.Last.Bytes != read.Size() || s.Last.Wall <= 0 {
		t.Errorf("stats %+v", s)
	}
	if got := list(t, c.Dir()); len(got) != 1 || got[0].Path != b.Path {
		t.Errorf("List = %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	type step struct {
		after time.Duration
		key   string
		level float64
		want  error
	}
	for name, steps := range map[string][]step{
		"cool-down per key": {
			{0, "a", 0, nil}, {time.Minute, "a", 0, ErrCooldown}, {0, "b", 0, nil},
			{4 * time.Minute, "a", 0, nil}, {30 * time.Second, "b", 0, ErrCooldown}},
		"spacing between keys": {{0, "a", 0, nil}, {29 * time.Second, "b", 0, ErrCooldown}, {time.Second, "b", 0, nil}},
		"high water": {
			{0, "a", 2, nil}, {6 * time.Minute, "a", 2.1, ErrHighWater}, {time.Minute, "a", 2.2, nil},
			{6 * time.Minute, "a", 2.3, ErrHighWater}, {0, "b", 1, nil}, {time.Hour, "a", 1, nil}},
		"high water resets":       {{0, "a", 2, nil}, {time.Hour, "a", 0, nil}, {6 * time.Minute, "a", 1, nil}},
		"no level, no high water": {{0, "a", 2, nil}, {6 * time.Minute, "a", 0, nil}, {6 * time.Minute, "a", 2.1, ErrHighWater}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := Open(Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				for i, s := range steps {
					time.Sleep(s.after) // virtual
					_, err := c.Capture(t.Context(), Request{Key: s.key, Level: s.level})
					if !errors.Is(err, s.want) || (err != nil) != (s.want != nil) {
						t.Errorf("step %d: %v, want %v", i+1, err, s.want)
					}
					if err != nil && !strings.Contains(err.Error(), "no dump: ") {
						t.Errorf("step %d: %v does not say that nothing was dumped", i+1, err)
					}
				}
			})
		})
	}
}

// TestRefusalNamesTheBundle: who is refused is told which bundle stands for the one that was not made.
func TestRefusalNamesTheBundle(t *testing.T) {
	refused := func(c *Capturer, key string) string {
		t.Helper()
		_, err := c.Capture(t.Context(), Request{Key: key})
		refusal, ok := errors.AsType[*Refusal](err)
		if !ok {
			t.Fatalf("capturing %s: %v, want a refusal", key, err)
		}
		return refusal.Bundle
	}
	dir := t.TempDir()
	c := open(t, Config{Dir: dir, Spacing: time.Hour})
	b := capture(t, c, Request{Key: "a"})
	if got := refused(c, "b"); got != b.Path {
		t.Errorf("another check of the same incident is told of %q, want %q", got, b.Path)
	}
	c = open(t, Config{Dir: dir, Cooldown: time.Hour})
	if got := refused(c, "a"); got != b.Path {
		t.Errorf("in a new process the check is told of %q, want %q", got, b.Path)
	}
}

func TestOneAtATime(t *testing.T) {
	begun, end := make(chan bool), make(chan bool)
	c := open(t, Config{Kinds: []Kind{kindFunc{"slow", func(context.Context, *Draft) error {
		begun <- true
		<-end
		return nil
	}}}})
	done := make(chan error)
	go func() {
		_, err := c.Capture(t.Context(), Request{Key: "a"})
		done <- err
	}()
	<-begun
	if _, err := c.Capture(t.Context(), Request{Key: "b"}); !errors.Is(err, ErrBusy) {
		t.Errorf("a second capture: %v, want ErrBusy", err)
	}
	close(end)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s := c.Stats(); s.Busy != 1 || s.Captured != 1 {
		t.Errorf("stats %+v", s)
	}
}

// TestKindsCannotHarm: a kind that panics, ends its goroutine or hangs costs its own files and nothing else.
func TestKindsCannotHarm(t *testing.T) {
	for name, want := range map[string]string{
		"panic": "it panicked: boo", "goexit": "it ended its goroutine", "hang": "it did not end"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				let := make(chan bool)
				var late error
				c := open(t, Config{Kinds: []Kind{
					kindFunc{"bad", func(_ context.Context, d *Draft) error {
						w := d.Create("bad.txt")
						switch name {
						case "panic":
							panic("boo")
						case "goexit":
							runtime.Goexit()
						}
						<-let
						_, late = w.Write([]byte("too late"))
						return nil
					}},
					filler("good", 10),
				}})
				b := capture(t, c, Request{Key: "a"})
				if len(b.Skipped) == 0 || !strings.HasPrefix(b.Skipped[0].Why, want) {
					t.Errorf("skipped %+v, want %q", b.Skipped, want)
				}
				if name != "hang" {
					if _, ok := b.File("good.bin"); !ok {
						t.Error("the good kind is missing too")
					}
					return
				}
				b = capture(t, c, Request{Key: "b"})
				if want := "an earlier call has not returned yet"; b.Skipped[0].Why != want {
					t.Errorf("the second time it is left out because %q, want %q", b.Skipped[0].Why, want)
				}
				close(let)
				synctest.Wait()
				if !errors.Is(late, errAbandoned) {
					t.Errorf("writing after the end: %v, want errAbandoned", late)
				}
				if _, err := Read(b.Path); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// stuck is a document whose writing does not end, as none does on a disk that hangs.
type stuck chan bool

func (s stuck) MarshalJSON() ([]byte, error) { <-s; return []byte("1"), nil }

// TestHungDisk: whoever asked is told after a while, and the next one at once; when the disk answers all goes on.
func TestHungDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Config{Timeout: time.Minute})
		disk := make(stuck)
		begun := time.Now()
		_, err := c.Capture(t.Context(), Request{Key: "a", Documents: documents(map[string]any{"stuck": disk})})
		if !errors.Is(err, errHung) || time.Since(begun) != 2*time.Minute {
			t.Errorf("error %v after %v, want errHung after two minutes", err, time.Since(begun))
		}
		if _, err := c.Capture(t.Context(), Request{Key: "b"}); !errors.Is(err, ErrBusy) {
			t.Errorf("error %v while the disk hangs, want ErrBusy", err)
		}
		close(disk)
		synctest.Wait()
		capture(t, c, Request{Key: "b"})
	})
}

// TestDocumentsThatFail: a document that is too large, leaves the bundle or has no JSON costs nobody else anything.
func TestDocumentsThatFail(t *testing.T) {
	c := open(t, Config{MaxBytes: minBytes, Kinds: []Kind{filler("good", 10)}})
	b := capture(t, c, Request{Key: "a", Violation: math.NaN(), Documents: documents(map[string]any{
		"large": strings.Repeat("x", minBytes), "../outside": 1, "function": func() {}, "manifest": 1, "small": 1})})
	if _, err := Read(b.Path); err != nil {
		t.Fatal(err)
	}
	why := make(map[string]string)
	for _, s := range b.Skipped {
		why[s.What] = s.Why
	}
	for what, want := range map[string]string{"violation": "NaN", "large": "used up", "../outside": "no file name",
		"function": "unsupported type", "manifest": "no file name"} {
		if !strings.Contains(why[what], want) {
			t.Errorf("%s is missing because %q, want %q", what, why[what], want)
		}
	}
	if len(b.Files) != 2 || b.Files[0].Name != "small.json" || b.Files[1].Name != "good.bin" {
		t.Errorf("files %v", b.Files)
	}
	entries, _ := os.ReadDir(b.Path)
	if len(entries) != 3 {
		t.Errorf("on disk are %v", entries)
	}
}

func TestDirComesBack(t *testing.T) {
	c := open(t, Config{Dir: filepath.Join(t.TempDir(), "a", "b")})
	capture(t, c, Request{Key: "a"})
	if err := os.RemoveAll(filepath.Dir(c.Dir())); err != nil {
		t.Fatal(err)
	}
	capture(t, c, Request{Key: "b"})
	if n := len(list(t, c.Dir())); n != 1 {
		t.Errorf("%d bundles, want 1", n)
	}
}

func TestLeanWhenMemoryIsShort(t *testing.T) {
	for used, want := range map[uint64]bool{84: false, 86: true} {
		var lean bool
		c := open(t, Config{Memory: func() (uint64, uint64) { return used, 100 },
			Kinds: []Kind{kindFunc{"k", func(_ context.Context, d *Draft) error { lean = d.Lean(); return nil }}}})
		capture(t, c, Request{Key: "a"})
		if lean != want {
			t.Errorf("at %d %% of memory lean is %v", used, lean)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, cfg := range []Config{{}, {Dir: "d", MaxBytes: 1}, {Dir: "d", LeanAbove: 2}, {Dir: "d", Timeout: -1},
		{Dir: "d", Kinds: []Kind{nil}}, {Dir: "d", Kinds: []Kind{filler("a", 1), filler("a", 1)}}} {
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), "evidence: configuring: ") {
			t.Errorf("Validate(%+v) = %v", cfg, err)
		}
	}
}

// TestTheWeightiestFindingSigns, in whatever order the kinds come.
func TestTheWeightiestFindingSigns(t *testing.T) {
	kind := func(name string, weight int) Kind {
		return kindFunc{name, func(_ context.Context, d *Draft) error { d.SignFor(weight, name); return nil }}
	}
	plain := kindFunc{"plain", func(_ context.Context, d *Draft) error { d.Sign("plain"); return nil }}
	failing := kindFunc{"failing", func(_ context.Context, d *Draft) error { d.Sign("failing"); return errors.New("x") }}
	for want, kinds := range map[string][]Kind{
		"waiting": {kind("waiting", 841), kind("leaked", 10)},
		"leaked":  {kind("waiting", 841), kind("leaked", 1000)},
		"early":   {kind("early", 2), kind("late", 1), failing},
		"later":   {kind("early", 1), kind("later", 1)},
		"plain":   {plain, kind("late", 9)},
	} {
		b := capture(t, open(t, Config{Kinds: kinds}), Request{Key: "a"})
		if b.Signature != want {
			t.Errorf("the signature is %q, want %q", b.Signature, want)
		}
	}
}

// TestHazard11EvidenceExposed: bundles hold addresses, labels and what users asked for. Nobody else may read them.
func TestHazard11EvidenceExposed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	c := open(t, Config{Dir: dir, Kinds: []Kind{filler("k", 10)}})
	capture(t, c, Request{Key: "a", Documents: documents(map[string]any{"contract": 1})})
	seen := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if seen++; info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || seen != 5 {
		t.Errorf("saw %d files and directories, %v; want 5", seen, err)
	}
}

// peakKind notes how many bytes are on disk when it is called.
func peakKind(t *testing.T, dir string, peak *int64) Kind {
	return kindFunc{"peak", func(context.Context, *Draft) error {
		*peak = max(*peak, onDisk(t, dir))
		return nil
	}}
}

func documents(contents map[string]any) map[string]Document {
	all := make(map[string]Document)
	for name, content := range contents {
		all[name] = func(int64) any { return content }
	}
	return all
}

// TestRefusedCapturesCostNothing: a document is asked for only when the bundle has been admitted, and told what it may take.
func TestRefusedCapturesCostNothing(t *testing.T) {
	c := open(t, Config{MaxBytes: minBytes, Cooldown: time.Hour})
	asked := 0
	request := Request{Key: "a", Documents: map[string]Document{"recording": func(bytes int64) any {
		asked++
		if bytes <= 0 || bytes > minBytes/8 {
			t.Errorf("the document may take %d bytes of a bundle of %d", bytes, minBytes/4)
		}
		return nil
	}}}
	capture(t, c, request)
	if _, err := c.Capture(t.Context(), request); !errors.Is(err, ErrCooldown) {
		t.Errorf("the second capture: %v", err)
	}
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}
