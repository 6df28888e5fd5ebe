package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

var roomy = Limits{Total: 1000, Namespace: 300, Bundle: 100, Keep: 24 * time.Hour}

// each runs a test on a folder, and on a server that speaks S3.
func each(t *testing.T, test func(t *testing.T, address string)) {
	t.Run("file", func(t *testing.T) { test(t, "file://"+t.TempDir()) })
	t.Run("s3", func(t *testing.T) {
		backend := s3mem.New()
		if err := backend.CreateBucket("evidence"); err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(gofakes3.New(backend).Server())
		t.Cleanup(server.Close)
		t.Setenv("AWS_ACCESS_KEY_ID", "key")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
		test(t, "s3://evidence?region=us-east-1&use_path_style=true&endpoint="+server.URL)
	})
}

func open(t *testing.T, address string, l Limits) *Store {
	t.Helper()
	s, err := Open(t.Context(), address, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s *Store, b Bundle, file, text string) error {
	t.Helper()
	return s.Put(t.Context(), b, file, int64(len(text)), strings.NewReader(text))
}

// keys are what is in the bucket.
func keys(t *testing.T, s *Store) (all []string) {
	t.Helper()
	list := s.bucket.List(nil)
	for {
		object, err := list.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, object.Key)
	}
}

func TestABundleIsKept(t *testing.T) {
	each(t, func(t *testing.T, address string) {
		s, b := open(t, address, roomy), Bundle{"shop", "pay-1", "20260101-leak"}
		if err := put(t, s, b, "heap.pb.gz", "profile"); err != nil {
			t.Fatal(err)
		}
		if whole, err := s.Whole(t.Context(), b); whole || err != nil {
			t.Errorf("without its manifest a bundle is whole: %v, %v", whole, err)
		}
		if err := put(t, s, b, Manifest, "{}"); err != nil {
			t.Fatal(err)
		}
		if whole, err := s.Whole(t.Context(), b); !whole || err != nil {
			t.Errorf("with its manifest a bundle is not whole: %v, %v", whole, err)
		}
		if err := s.Put(t.Context(), b, "heap.pb.gz", 7, iotest.ErrReader(errors.New("read again"))); err != nil {
			t.Errorf("what is there already was written again: %v", err)
		}
		got, err := s.bucket.ReadAll(t.Context(), "shop/pay-1/20260101-leak/heap.pb.gz")
		if err != nil || string(got) != "profile" {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

// A file that breaks off leaves nothing, neither in the bucket nor in the count.
func TestAFileIsWrittenWholeOrNotAtAll(t *testing.T) {
	each(t, func(t *testing.T, address string) {
		s, b := open(t, address, roomy), Bundle{"shop", "pay-1", "one"}
		broken := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("the pod died")))
		if err := s.Put(t.Context(), b, "trace", 90, broken); err == nil {
			t.Error("a file that broke off is no error")
		}
		if err := s.Put(t.Context(), b, "trace", 90, strings.NewReader("short")); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a file that is shorter than was said: %v", err)
		}
		if all := keys(t, s); len(all) != 0 {
			t.Errorf("left: %q", all)
		}
		if err := put(t, s, b, "heap", strings.Repeat("x", 90)); err != nil {
			t.Errorf("its room was not given back: %v", err)
		}
	})
}

func TestTheOldestOfTheSameNamespaceMakesRoom(t *testing.T) {
	each(t, func(t *testing.T, address string) {
		s := open(t, address, roomy)
		now := time.Now()
		s.now = func() time.Time { now = now.Add(2 * time.Minute); return now }
		full := strings.Repeat("x", 100)
		for _, b := range []Bundle{{"other", "a", "1"}, {"shop", "a", "1"}, {"shop", "b", "2"}, {"shop", "a", "3"}, {"shop", "a", "4"}} {
			if err := put(t, s, b, "heap", full); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"other/a/1/heap", "shop/a/3/heap", "shop/a/4/heap", "shop/b/2/heap"}
		if all := keys(t, s); !slices.Equal(all, want) {
			t.Errorf("kept %q, want %q", all, want)
		}
		if err := put(t, s, Bundle{"shop", "a", "4"}, "more", "x"); !errors.Is(err, ErrFull) {
			t.Errorf("a bundle beyond its own limit: %v", err)
		}
	})
}

// The total is nobody's to take from others: a namespace that has nothing to give up is refused.
func TestTheTotalHolds(t *testing.T) {
	s := open(t, "file://"+t.TempDir(), Limits{Total: 250, Namespace: 200, Bundle: 100, Keep: time.Hour})
	full := strings.Repeat("x", 100)
	for _, b := range []Bundle{{"a", "p", "1"}, {"a", "p", "2"}} {
		if err := put(t, s, b, "heap", full); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(t, s, Bundle{"b", "p", "1"}, "heap", full); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "200 bytes are held") {
		t.Errorf("beyond the total: %v", err)
	}
	if all := keys(t, s); len(all) != 2 {
		t.Errorf("of others %q are left", all)
	}
}

func TestEvidenceGoesWhenItsTimeIsOver(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "file://"+dir, roomy)
	if err := put(t, s, Bundle{"shop", "p", "old"}, "heap", "x"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("somebody else's"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, b := range []Bundle{{"shop", "gone", "old"}, {"away", "p", "old"}} {
		if err := put(t, s, b, "heap", "x"); err != nil {
			t.Fatal(err)
		}
	}
	s.now = func() time.Time { return time.Now().Add(48 * time.Hour) }
	if err := put(t, s, Bundle{"shop", "p", "new"}, "heap", "x"); err != nil {
		t.Fatal(err)
	}
	// The file's own time is now, two days before the store's.
	s.held[Bundle{"shop", "p", "new"}].last = s.now().Add(time.Minute)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := keys(t, s); !slices.Equal(all, []string{"mine.txt", "shop/p/new/heap"}) {
		t.Errorf("left: %q", all)
	}
	for _, gone := range []string{"shop/p/old", "shop/gone", "away"} {
		if _, err := os.Stat(filepath.Join(dir, gone)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the folder %s: %v", gone, err)
		}
	}
}

// A store that is opened again counts what is there.
func TestAnotherStoreCountsWhatIsThere(t *testing.T) {
	each(t, func(t *testing.T, address string) {
		small := Limits{Total: 100, Namespace: 100, Bundle: 100, Keep: time.Hour}
		if err := put(t, open(t, address, small), Bundle{"a", "p", "1"}, "heap", strings.Repeat("x", 60)); err != nil {
			t.Fatal(err)
		}
		if err := put(t, open(t, address, small), Bundle{"b", "p", "1"}, "heap", strings.Repeat("x", 60)); !errors.Is(err, ErrFull) {
			t.Errorf("beyond the total: %v", err)
		}
	})
}

func TestNamesLeadNowhereElse(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "file://"+filepath.Join(dir)+"/in?create_dir=true", roomy)
	for _, name := range []string{"", ".", "..", "../../etc", "a/b", "a\\b", ".hidden", "a\x00", "ü", strings.Repeat("x", 254)} {
		for i := range 4 {
			parts := [4]string{"shop", "p", "1", "heap"}
			parts[i] = name
			if err := put(t, s, Bundle{parts[0], parts[1], parts[2]}, parts[3], "x"); !errors.Is(err, ErrName) {
				t.Errorf("%q: %v", parts, err)
			}
		}
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			t.Errorf("%s is there, %v", path, err)
		}
		return nil
	})
}

// However many write at once, what is kept stays within the quotas.
func TestQuotasHoldForManyAtOnce(t *testing.T) {
	s := open(t, "file://"+t.TempDir(), Limits{Total: 500, Namespace: 200, Bundle: 100, Keep: time.Hour})
	var all sync.WaitGroup
	for i := range 40 {
		b := Bundle{string(rune('a' + i%4)), "p", strconv.Itoa(i)}
		all.Go(func() {
			for _, file := range []string{"heap", "stacks", Manifest} {
				err := s.Put(context.WithoutCancel(t.Context()), b, file, 30, bytes.NewReader(make([]byte, 30)))
				if err != nil && !errors.Is(err, ErrFull) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if total, a := s.used("a"); total > 500 || a > 200 || total == 0 {
		t.Errorf("%d bytes are held, %d by one namespace", total, a)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if total, _ := s.used("a"); total > 500 {
		t.Errorf("%d bytes are in the bucket", total)
	}
}

// The pod's next file is on its way: half a bundle is not given up for another one.
func TestABundleThatStillComesIsNotGivenUp(t *testing.T) {
	s := open(t, "file://"+t.TempDir(), Limits{Total: 100, Namespace: 100, Bundle: 100, Keep: time.Hour})
	first, second := Bundle{"shop", "p", "1"}, Bundle{"shop", "q", "2"}
	if err := put(t, s, first, "heap", strings.Repeat("x", 60)); err != nil {
		t.Fatal(err)
	}
	if err := put(t, s, second, "heap", strings.Repeat("x", 60)); !errors.Is(err, ErrFull) {
		t.Errorf("beside half a bundle: %v", err)
	}
	if err := put(t, s, first, Manifest, "{}"); err != nil {
		t.Fatal(err)
	}
	if err := put(t, s, second, "heap", strings.Repeat("x", 60)); err != nil {
		t.Errorf("beside a whole one: %v", err)
	}
}

// A file is written once at a time, so that none is taken for whole that another is still sending.
func TestOneWriterOfAFile(t *testing.T) {
	s, b := open(t, "file://"+t.TempDir(), roomy), Bundle{"shop", "p", "1"}
	began, end := make(chan struct{}), make(chan struct{})
	first := make(chan error)
	go func() {
		content := &stalled{Reader: strings.NewReader("half"), began: began, end: end}
		first <- s.Put(context.WithoutCancel(t.Context()), b, "heap", 9, content)
	}()
	<-began
	for _, text := range []string{"all of it", "another size"} {
		if err := put(t, s, b, "heap", text); !errors.Is(err, ErrBusy) {
			t.Errorf("while another writes it: %v", err)
		}
	}
	close(end)
	if err := <-first; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the first: %v", err)
	}
	if err := put(t, s, b, "heap", "all of it"); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// stalled begins to be read, and goes on when end is closed.
type stalled struct {
	io.Reader
	began, end chan struct{}
	once       sync.Once
}

func (r *stalled) Read(p []byte) (int, error) {
	r.once.Do(func() { close(r.began) })
	<-r.end
	return r.Reader.Read(p)
}

// What cannot be removed is counted, so that the quota holds without the right to remove.
func TestWhatCannotBeRemovedCounts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "file://"+dir, Limits{Total: 100, Namespace: 100, Bundle: 100, Keep: time.Hour})
	for file, text := range map[string]string{"heap": strings.Repeat("x", 60), Manifest: "{}"} {
		if err := put(t, s, Bundle{"shop", "p", "1"}, file, text); err != nil {
			t.Fatal(err)
		}
	}
	manifest := filepath.Join(dir, "shop/p/1", Manifest) // a folder with something in it cannot be removed as a file
	if err := errors.Join(os.Remove(manifest), os.Mkdir(manifest, 0o700), os.WriteFile(filepath.Join(manifest, "x"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := put(t, s, Bundle{"shop", "q", "2"}, "heap", strings.Repeat("x", 60)); err == nil {
			t.Error("written without room")
		}
	}
	if total, _ := s.used("shop"); total != 62 {
		t.Errorf("%d bytes are counted, and 62 are there", total)
	}
}

// Before it knows what is there, a store takes nothing; it is opened all the same while the bucket's server is away.
func TestAServerThatIsAway(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	s, err := Open(t.Context(), "s3://evidence?region=us-east-1&use_path_style=true&endpoint=http://127.0.0.1:1", roomy)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := put(t, s, Bundle{"shop", "p", "1"}, "heap", "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("before the first sweep: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := s.Sweep(ctx); err == nil {
		t.Error("a server that is away was looked at")
	}
}

// A server that takes a request and never answers keeps nobody longer than the caller's time, and what was not written is not counted.
func TestAServerThatHangs(t *testing.T) {
	hang := make(chan struct{})
	backend := s3mem.New()
	if err := backend.CreateBucket("evidence"); err != nil {
		t.Fatal(err)
	}
	speaks := gofakes3.New(backend).Server()
	var hanging atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hanging.Load() {
			<-hang
			return
		}
		speaks.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hang) }) // before the server is closed, which waits for it
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	s, b := open(t, "s3://evidence?region=us-east-1&use_path_style=true&endpoint="+server.URL, roomy), Bundle{"shop", "p", "1"}
	hanging.Store(true)
	for name, call := range map[string]func(ctx context.Context) error{
		"put":   func(ctx context.Context) error { return s.Put(ctx, b, "heap", 1, strings.NewReader("x")) },
		"whole": func(ctx context.Context) error { _, err := s.Whole(ctx, b); return err },
		"sweep": s.Sweep,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := call(ctx); err == nil {
			t.Errorf("%s: no error", name)
		}
		cancel()
	}
	if total, _ := s.used("shop"); total != 0 {
		t.Errorf("%d bytes are counted, and nothing is there", total)
	}
}

func TestBadAddressesAndLimits(t *testing.T) {
	for address, want := range map[string]string{"ftp://x": "ftp", "file:///nowhere/at/all": "nowhere", "://": "opening"} {
		if _, err := Open(t.Context(), address, roomy); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := Open(t.Context(), "file://"+t.TempDir(), Limits{Total: 1, Namespace: 2, Bundle: 1, Keep: 1}); err == nil || !strings.Contains(err.Error(), "must rise") {
		t.Errorf("limits that fall: %v", err)
	}
}
