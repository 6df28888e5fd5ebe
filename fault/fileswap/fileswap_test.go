package fileswap

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/openconfigs"
)

const content = "pool: 50\n"

// fakeReader takes a new content whenever it is asked what it has taken, hears no events while it is deaf, and then lost some.
type fakeReader struct {
	config    openconfigs.Config
	last      string
	taken     uint64
	deaf      atomic.Bool
	overflows atomic.Uint64
}

func newFakeReader(t *testing.T) *fakeReader {
	r := &fakeReader{last: content}
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
	r.config = openconfigs.Config{Name: "test", Path: path, Look: func() {}, Overflows: r.overflows.Load}
	r.config.Rejected = func() (_, _, taken uint64) {
		if now := contentOf(t, path); now != r.last {
			r.last = now
			r.taken++
		}
		return 0, 0, r.taken
	}
	r.config.Deafen = func(context.Context) (func(), error) {
		r.deaf.Store(true)
		return func() {
			r.deaf.Store(false)
			r.overflows.Add(1)
		}, nil
	}
	return r
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	now, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(now)
}

// A swap in each period, and the reader takes each; afterwards all is as it was.
func TestTheReaderTakesEachSwap(t *testing.T) {
	for _, how := range []manner{byRename, byLink} {
		synctest.Test(t, func(t *testing.T) {
			r := newFakeReader(t)
			openconfigs.Add(&r.config)
			defer runtime.KeepAlive(r)
			injection, err := Fault.Inject(t.Context(), fault.Settings{"how": string(how), "period": "1s"}, 1)
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Second / 2)
			for n := 1; n <= 5; n++ {
				<-time.After(time.Second)
				if w := injection.Witness(); !w.Active || w.Value != float64(n) {
					t.Errorf("%s: after %d swaps the witness says %+v", how, n, w)
				}
			}
			faulttest.Remove(t, injection)
			asItWas(t, r.config.Path)
		})
	}
}

// asItWas fails the test unless the folder holds the file, and nothing else.
func asItWas(t *testing.T, path string) {
	t.Helper()
	if now := contentOf(t, path); now != content {
		t.Errorf("the content is %q", now)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside it there are %v, %v", entries, err)
	}
}

// However often it is swapped, what is found is whole, a link comes back as one, and what somebody else writes meanwhile stays.
func TestSwapsAreWhole(t *testing.T) {
	for how, swap := range map[manner]func(*swapped) error{byRename: (*swapped).rename, byLink: (*swapped).link} {
		path := newFakeReader(t).config.Path
		link := path + ".link"
		if err := os.Symlink("c.yaml", link); err != nil {
			t.Fatal(err)
		}
		s, err := open(link)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 100 {
			if err := swap(s); err != nil {
				t.Fatal(err)
			}
			want := content
			if n%2 == 0 {
				want = strings.TrimSuffix(content, "\n")
			}
			if now := contentOf(t, link); now != want {
				t.Fatalf("%s: after %d swaps it is %q", how, n+1, now)
			}
		}
		if err := errors.Join(swap(s), s.restore(), os.Remove(link)); err != nil { // which is one
			t.Error(err)
		}
		asItWas(t, path)
	}
}

func TestWhatOthersWriteStays(t *testing.T) {
	for how, swap := range map[manner]func(*swapped) error{byRename: (*swapped).rename, byLink: (*swapped).link} {
		path := newFakeReader(t).config.Path
		s, err := open(path)
		if err == nil {
			err = errors.Join(swap(s), os.WriteFile(path, []byte("pool: 60\n"), 0o640)) // behind a link too
		}
		if err := errors.Join(err, s.restore()); err != nil {
			t.Fatal(err)
		}
		if now := contentOf(t, path); now != "pool: 60\n" {
			t.Errorf("%s: somebody has written 60, and it is %q", how, now)
		}
	}
}

// A run that was killed leaves the file behind its links. The next one leaves a file that needs none.
func TestAfterARunThatWasKilled(t *testing.T) {
	path := newFakeReader(t).config.Path
	killed, err := open(path)
	if err == nil {
		err = killed.link()
	}
	if err != nil {
		t.Fatal(err)
	}
	found := contentOf(t, path)
	s, err := open(path)
	if err == nil {
		err = errors.Join(s.rename(), s.restore())
	}
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() || contentOf(t, path) != found {
		t.Errorf("the file is %v, %v: %q, want %q", info, err, contentOf(t, path), found)
	}
}

func TestWhatCannotBeSwapped(t *testing.T) {
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "looking at the configuration file",
		os.DevNull + "/none":               "looking at the configuration file",
		"/proc/self/status":                "must be one that can be written to",
	} {
		if _, err := os.Stat("/proc/self/status"); err != nil && path == "/proc/self/status" {
			continue
		}
		if _, err := open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// The file is swapped while the reader hears nothing, which hears again afterwards and finds one change.
func TestOverflow(t *testing.T) {
	r := newFakeReader(t)
	f := &injected{how: byOverflow, burst: 10, files: []*openconfigs.Config{&r.config}}
	s, err := open(r.config.Path)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 2; n++ {
		if err := f.swap(t.Context(), &r.config, s); err != nil || r.deaf.Load() {
			t.Errorf("after %d bursts: %v, deaf: %t", n, err, r.deaf.Load())
		}
		if now := f.seen(); now.taken != uint64(n) || now.overflows != uint64(n) || f.swaps.Load() != int64(n) {
			t.Errorf("after %d bursts the reader has seen %+v of %d swaps", n, now, f.swaps.Load())
		}
	}
	if err := s.restore(); err != nil {
		t.Error(err)
	}
	asItWas(t, r.config.Path)
	r.config.Deafen = nil
	if err := f.swap(t.Context(), &r.config, s); err == nil {
		t.Error("a reader that goes by no events has lost some")
	}
}

func TestBurst(t *testing.T) {
	if n, err := burstOf("16384\n"); err != nil || n*eventsOfRename != 16384+atHand {
		t.Errorf("%d renames for a queue of 16384, %v", n, err)
	}
	for _, queue := range []string{"", "many", "100000000"} {
		if n, err := burstOf(queue); err == nil {
			t.Errorf("a queue of %q: %d renames", queue, n)
		}
	}
}
