package hotconfig

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/internal/eventually"
)

type pool struct {
	Size    int           `yaml:"size" min:"1" max:"500"`
	Timeout time.Duration `yaml:"timeout" min:"10ms"`
}

type testConfig struct {
	Name     string            `yaml:"name" required:"true"`
	Password string            `yaml:"password" secret:"true"`
	Pool     pool              `yaml:"pool"`
	Hosts    []string          `yaml:"hosts"`
	Features map[string]bool   `yaml:"features"`
	Labels   map[string]string `yaml:"labels"`
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

const good = `name: payment
password: s3cret
pool:
  size: 50
  timeout: 250ms
hosts: [a, b]
features:
  fast: true
`

func write(t testing.TB, path, content string) {
	t.Helper()
	temporary := path + ".new"
	if err := errors.Join(os.WriteFile(temporary, []byte(content), 0o600), os.Rename(temporary, path)); err != nil {
		t.Fatal(err)
	}
}

func quick() Options[testConfig] {
	return Options[testConfig]{Logger: quiet(), Debounce: time.Millisecond, Poll: time.Hour}
}

// start watches a file that holds that content.
func start(t testing.TB, file, content string, options Options[testConfig]) (*Value[testConfig], string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), file)
	write(t, path, content)
	v, err := Watch(t.Context(), path, options)
	if err != nil {
		t.Fatal(err)
	}
	return v, path
}

// What is wrong with a file is said with its place, and what is wrong never replaces what is good.
func TestBadContents(t *testing.T) {
	for _, test := range []struct {
		file, content string
		want          string // after the path
	}{
		{"c.yaml", "", ": it is empty"},
		{"c.yaml", "# nothing\n", ": it is empty: there are only comments in it"},
		{"c.yaml", "name: a\x00\n", ":1:8: it is binary"},
		{"c.yaml", "name: ok\nhosts: [\xff]\n", ":2:9: byte 0xff is not UTF-8"},
		{"c.yaml", "name: a\npool: [\n", ":2:1: did not find"},
		{"c.yaml", "name: a\n  b: c\n", ":2:3: mapping values are not allowed"},
		{"c.yaml", "name: a\nnmae: b\n", `:2:1: there is no key "nmae" here; did you mean "name"?`},
		{"c.yaml", "name: a\npool:\n  sise: 3\n", `:3:3: there is no key "pool.sise" here; did you mean "size"?`},
		{"c.yaml", "name: a\nname: b\n", ":2:1: name is there twice, first in line 1"},
		{"c.yaml", "name: a\nfeatures: {x: true, x: false}\n", ":2:21: features.x is there twice"},
		{"c.yaml", "name: a\npool: {size: many}\n", `:2:14: pool.size is "many"; want a whole number (int)`},
		{"c.yaml", "name: a\npool: {size: 5.5}\n", `:2:14: pool.size is "5.5"; want a whole number (int)`},
		{"c.yaml", "name: a\npool: {size: 99999999999999999999}\n", `:2:14: pool.size is`},
		{"c.yaml", "name: a\npool: {timeout: 5}\n", ":2:17: pool.timeout is \"5\"; want a duration, such as 250ms"},
		{"c.yaml", "name: a\npool: {size: 1, timeout: 5ns}\n", ":2:26: pool.timeout is 5ns; want at least 10ms"},
		{"c.yaml", "name: a\npool: {timeout: 5 seconds}\n", ":2:17: pool.timeout is \"5 seconds\"; want a duration"},
		{"c.yaml", "name: a\npool: {size: 501, timeout: 1s}\n", ":2:14: pool.size is 501; want at least 1 and at most 500"},
		{"c.yaml", "name: a\npool: 3\n", ":2:7: pool is a single value; want a group of keys"},
		{"c.yaml", "name: a\nhosts: b\n", ":2:8: hosts is a single value; want a list"},
		{"c.yaml", "name: a\nfeatures: {x: 3}\n", `:2:15: features.x is "3"; want true or false`},
		{"c.yaml", "name: a\npool:\n", ":2:6: pool has no value; want a group of keys"},
		{"c.yaml", "pool: {size: 1, timeout: 1s}\n", ":1:1: name is required"},
		{"c.yaml", "name: a\n---\nname: b\n", ":2:1: there is a second document"},
		{"c.yaml", "name: a\npassword: [s3cret]\n", ":2:11: password is a list; want a string"},
		{"c.yaml", "- name\n", ":1:1: the file is a list; want a group of keys"},
		{"c.yaml", "a: &a [x,x,x,x,x,x,x,x,x]\nhosts: *a\n", `:1:1: there is no key "a" here`},
		{"c.json", `{"name": "a",` + "\n" + ` "pool": {"size": 5, }}`, ":2:22: invalid character '}'"},
		{"c.json", `{"name": "a"`, ":1:13: it ends in the middle"},
		{"c.json", `{"name": "a"} {}`, ":1:15: there is something behind the end"},
		{"c.json", `{"name": "a",` + "\n" + `"name": "b"}`, ":2:1: name is there twice"},
		{"c.json", `{"name": "a", "pol": {}}`, `:1:15: there is no key "pol" here; did you mean "pool"?`},
		{"c.json", `{name: a}`, ":1:2: invalid character 'n'"},
		{"c.toml", "name = \"a\"\npool = {\n", ":2:"},
		{"c.toml", "name = \"a\"\nname = \"b\"\n", ":2:1: key name is already defined"},
		{"c.toml", "name = 3\n", `:1:1: name is "3"; want a string`},
		{"c.json", "{\"name\": 3}", `:1:10: name is "3"; want a string`},
		{"c.toml", "name = \"a\"\n[pool]\nsize = \"x\"\n", `:3:1: pool.size is "x"; want a whole number (int)`},
		{"c.toml", "name = \"a\"\n[pool]\nsise = 4\n", `:3:1: there is no key "pool.sise" here; did you mean "size"?`},
		{"c.toml", "name = \"a\"\n[pool]\nsize = 0\ntimeout = \"1s\"\n", ":3:1: pool.size is 0; want at least 1 and at most 500"},
	} {
		path := filepath.Join(t.TempDir(), test.file)
		write(t, path, test.content)
		_, err := Watch(t.Context(), path, quick())
		if want := "hotconfig: reading " + path + test.want; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q:\n     %v\nwant %s", test.content, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v tells the secret", test.content, err)
		}
		if !strings.HasSuffix(test.file, ".yaml") {
			continue
		}
		write(t, path, good)
		v := unwatched(t, path, quick())
		write(t, path, test.content)
		if again := v.Reload(t.Context()); fmt.Sprint(again) != fmt.Sprint(err) || v.Get().Pool.Size != 50 || v.Status().Error != fmt.Sprint(err) {
			t.Errorf("%q in the place of a good one: %v; in force is %+v, status %+v", test.content, again, v.Get(), v.Status())
		}
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	huge, err := os.Create(in("huge.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(huge.Truncate(1<<30), huge.Close(), os.Mkdir(in("dir.yaml"), 0o700), os.Symlink("loop.yaml", in("loop.yaml")), mkfifo(in("pipe.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"dir.yaml":  "it is a directory",
		"huge.yaml": "it has 1073741824 bytes, and at most 1048576 are read",
		"loop.yaml": "too many levels of symbolic links",
		"none.yaml": "no such file or directory",
		"pipe.yaml": "it is no regular file",
		"c.ini":     "must end in .yaml, .yml, .json or .toml",
	} {
		if _, err := Watch(t.Context(), in(file), quick()); err == nil || !strings.Contains(err.Error(), in(file)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
		if file == "none.yaml" || file == "c.ini" {
			continue
		}
		v, path := start(t, "c.yaml", good, quick())
		if err := errors.Join(os.Remove(path), os.Symlink(in(file), path)); err != nil {
			t.Fatal(err)
		}
		if err := v.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), want) || v.Get().Pool.Size != 50 || v.Status().Error == "" {
			t.Errorf("%s in the place of a good one: %v; in force is %+v", file, err, v.Get())
		}
	}
	for want, o := range map[string]Options[testConfig]{
		"must not be negative":    {Poll: -1},
		"needs Broken":            {Rollback: Rollback{Mode: On}},
		"there is no RollbackMod": {Rollback: Rollback{Mode: 7}},
	} {
		write(t, in("good.yaml"), good)
		if _, err := Watch(t.Context(), in("good.yaml"), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestFormatsSayTheSame(t *testing.T) {
	want, _ := start(t, "c.yaml", good, quick())
	for file, content := range map[string]string{
		"c.yml":  "defaults: &d {}\n" + good, // an unknown key, to be taken out below
		"c.json": `{"name": "payment", "password": "s3cret", "pool": {"size": 50, "timeout": "250ms"}, "hosts": ["a", "b"], "features": {"fast": true}}`,
		"c.toml": "name = 'payment'\npassword = 's3cret'\nhosts = ['a', 'b']\nfeatures.fast = true\n[pool]\nsize = 50\ntimeout = '250ms'\n",
	} {
		got, _ := start(t, file, strings.TrimPrefix(content, "defaults: &d {}\n"), quick())
		if diff := Diff(want.Get(), got.Get()); len(diff) > 0 {
			t.Errorf("%s differs from YAML: %v", file, diff)
		}
	}
}

func TestLastGoodStaysAndIsMended(t *testing.T) {
	v, path := start(t, "c.yaml", good, quick())
	for _, bad := range []string{"", "name: [", good + "nmae: x\n", strings.Replace(good, "50", "0", 1)} {
		write(t, path, bad)
		eventually.Holds(t, "the bad content is seen", func() bool { return v.Status().Error != "" })
		s := v.Status()
		if v.Get().Pool.Size != 50 || s.Generation != 1 || s.Rejected == 0 || v.Check(t.Context()) == nil {
			t.Errorf("%q: %+v", bad, s)
		}
		// The same good content again: nothing has changed but that nothing is wrong any more.
		write(t, path, good)
		eventually.Holds(t, "it is mended", func() bool { return v.Status().Error == "" })
		if s := v.Status(); s.Generation != 1 || s.FailingFor != 0 || v.Check(t.Context()) != nil {
			t.Errorf("after %q and the same good content: %+v", bad, s)
		}
	}
	if got := v.Status().Rejected; got != 4 {
		t.Errorf("%d contents were counted as rejected, want 4", got)
	}
	write(t, path, strings.Replace(good, "50", "60", 1))
	eventually.Holds(t, "a new one is taken", func() bool { return v.Status().Reloads == 1 })
	if v.Get().Pool.Size != 60 || v.Generation() != 2 {
		t.Errorf("it has generation %d: %+v", v.Generation(), v.Get())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	eventually.Holds(t, "the file is missed", func() bool { return strings.Contains(v.Status().Error, "no such file") })
	if v.Get().Pool.Size != 60 {
		t.Error("without a file the last good one is gone")
	}
}

// Each way in which files are replaced, with no poll to help.
func TestChangesAreSeen(t *testing.T) {
	for name, set := range map[string]func(t *testing.T, dir string) (path string, change func(content string)){
		"in place": func(t *testing.T, dir string) (string, func(string)) {
			path := filepath.Join(dir, "c.yaml")
			return path, func(content string) {
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		},
		"rename": func(t *testing.T, dir string) (string, func(string)) {
			path := filepath.Join(dir, "c.yaml")
			return path, func(content string) { write(t, path, content) }
		},
		"editor": func(t *testing.T, dir string) (string, func(string)) { // the old one becomes the backup
			path := filepath.Join(dir, "c.yaml")
			return path, func(content string) {
				_ = os.Rename(path, path+"~")
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		},
		"kubernetes": func(t *testing.T, dir string) (string, func(string)) {
			return filepath.Join(dir, "c.yaml"), kubernetes(t, dir, "c.yaml")
		},
		"link elsewhere": func(t *testing.T, dir string) (string, func(string)) {
			path, other := filepath.Join(dir, "c.yaml"), filepath.Join(t.TempDir(), "real.yaml")
			if err := os.Symlink(other, path); err != nil {
				t.Fatal(err)
			}
			return path, func(content string) { write(t, other, content) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, change := set(t, t.TempDir())
			change(good)
			v, err := Watch(t.Context(), path, quick())
			if err != nil {
				t.Fatal(err)
			}
			if !v.Status().Watching {
				t.Fatal("there are no events to be had here")
			}
			for i := range 20 {
				change(strings.Replace(good, "50", fmt.Sprint(100+i), 1))
				eventually.Holds(t, fmt.Sprintf("change %d", i), func() bool { return v.Get().Pool.Size == 100+i })
			}
		})
	}
}

// kubernetes makes a folder such as the kubelet makes of a ConfigMap, and returns what updates it: a new folder, and a rename of the
// link ..data to it.
func kubernetes(t testing.TB, dir, file string) func(content string) {
	n := 0
	old := ""
	return func(content string) {
		n++
		fresh := fmt.Sprintf("..2026_11_30_%06d", n)
		err := errors.Join(os.Mkdir(filepath.Join(dir, fresh), 0o700), os.WriteFile(filepath.Join(dir, fresh, file), []byte(content), 0o600),
			os.Symlink(fresh, filepath.Join(dir, "..data_tmp")), os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
		if n == 1 {
			err = errors.Join(err, os.Symlink("..data/"+file, filepath.Join(dir, file)))
		}
		if old != "" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, old)))
		}
		if old = fresh; err != nil {
			t.Fatal(err)
		}
	}
}

// unwatched returns a value that nobody looks after yet.
func unwatched[T any](t testing.TB, path string, options Options[T]) *Value[T] {
	t.Helper()
	v := &Value[T]{options: options.withDefaults(path), paths: []string{path}}
	v.init()
	v.decode = func(c [][]byte) (*T, error) { return decodeFile[T](v.options, path, formatYAML, c[0]) }
	if err := v.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

// Events are only hints: without any, the poll finds the change.
func TestPollIsBehindTheEvents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	write(t, path, good)
	options := quick()
	options.Poll = 5 * time.Millisecond
	v := unwatched(t, path, options)
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { defer close(done); v.run(ctx, &watcher{paths: v.paths}) }() // with no events at all
	write(t, path, strings.Replace(good, "50", "60", 1))
	eventually.Holds(t, "the poll sees it", func() bool { return v.Get().Pool.Size == 60 })
	cancel()
	<-done
}

// A file that grows between two looks is not taken before it has come to rest, valid or not.
func TestHalfAFileIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "c.yaml")
		write(t, path, good)
		options := quick()
		options.Debounce = 50 * time.Millisecond
		v := unwatched(t, path, options)
		whole := strings.Replace(good, "50", "60", 1)
		half := whole[:strings.Index(whole, "hosts")] // valid, and without a host
		write(t, path, half)
		done := make(chan error, 1)
		go func() { done <- v.Reload(t.Context()) }()
		<-time.After(20 * time.Millisecond)
		write(t, path, whole)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if c, s := v.Get(), v.Status(); c.Pool.Size != 60 || len(c.Hosts) != 2 || s.Generation != 2 || s.Torn != 1 {
			t.Errorf("in force is %+v, status %+v; want the whole one, as generation 2, seen torn once", c, s)
		}
	})
}

func TestReloadIsATransaction(t *testing.T) {
	v, path := start(t, "c.yaml", good, quick())
	var mu sync.Mutex
	var events []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, fmt.Sprintf(format, args...))
	}
	subscriber := func(name string, veto func(c *testConfig) error) Subscriber[testConfig] {
		return Subscriber[testConfig]{Name: name,
			Prepare: func(_ context.Context, old, new *testConfig) error {
				note("%s prepares %d→%d", name, old.Pool.Size, new.Pool.Size)
				if v.Get() != old {
					t.Error("the new one is in force before all have agreed")
				}
				return veto(new)
			},
			Commit: func(_, new *testConfig) {
				note("%s commits", name)
				if v.Get() != new {
					t.Error("at Commit the new one is not in force")
				}
			},
			Undo: func(_, _ *testConfig) { note("%s undoes", name) },
		}
	}
	v.Subscribe(subscriber("a", func(*testConfig) error { return nil }))
	v.Subscribe(subscriber("b", func(*testConfig) error { return nil }))
	v.Subscribe(subscriber("c", func(c *testConfig) error {
		switch c.Pool.Size {
		case 61:
			return errors.New("no database")
		case 62:
			panic("nil map")
		}
		return nil
	}))
	for _, test := range []struct{ size, events, problem string }{
		{"60", "a prepares 50→60, b prepares 50→60, c prepares 50→60, a commits, b commits, c commits", ""},
		{"61", "a prepares 60→61, b prepares 60→61, c prepares 60→61, b undoes, a undoes", "c objects: no database"},
		{"62", "a prepares 60→62, b prepares 60→62, c prepares 60→62, b undoes, a undoes", "c objects: Prepare: it panicked: nil map"},
	} {
		mu.Lock()
		events = nil
		mu.Unlock()
		before := v.Status().Reloads // which counts a reload when all have committed; its generation is in force before
		if err := os.WriteFile(path+".new", []byte(strings.Replace(good, "50", test.size, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		eventually.Holds(t, "the change is dealt with", func() bool {
			s := v.Status()
			return s.Reloads > before || strings.Contains(s.Error, test.problem) && s.Error != ""
		})
		mu.Lock()
		if got := strings.Join(events, ", "); !strings.HasPrefix(got, test.events) {
			t.Errorf("size %s: %s\nwant %s", test.size, got, test.events)
		}
		mu.Unlock()
		if (v.Status().Error == "") != (test.problem == "") {
			t.Errorf("size %s: %+v", test.size, v.Status())
		}
	}
	if v.Get().Pool.Size != 60 {
		t.Errorf("in force is %d", v.Get().Pool.Size)
	}
}

func TestVetoIsBounded(t *testing.T) {
	options := quick()
	options.Veto = 20 * time.Millisecond
	v, path := start(t, "c.yaml", good, options)
	release, undone := make(chan struct{}), make(chan struct{})
	v.Subscribe(Subscriber[testConfig]{Name: "slow",
		Prepare: func(context.Context, *testConfig, *testConfig) error { <-release; return nil },
		Undo:    func(_, _ *testConfig) { close(undone) }})
	write(t, path, strings.Replace(good, "50", "60", 1))
	eventually.Holds(t, "the veto", func() bool {
		return strings.Contains(v.Status().Error, "slow objects: Prepare did not return within 20ms")
	})
	if v.Get().Pool.Size != 50 {
		t.Error("the new one is in force")
	}
	close(release)
	<-undone // what it prepared after all is undone
}

// Who returns as the limit is reached is either heard or late, and never both: what was committed would be undone as well.
func TestTheEndOfAVetoIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls = 1000
		var heard, late atomic.Int64
		var all sync.WaitGroup
		for range calls {
			all.Go(func() {
				sleep := func() error { <-time.After(time.Second); return nil }
				if bounded(time.Second, "it", sleep, func(error) { late.Add(1) }) == nil {
					heard.Add(1)
				}
			})
		}
		all.Wait()
		<-time.After(time.Second) // until the last has ended
		if heard.Load()+late.Load() != calls {
			t.Errorf("of %d ends %d were heard and %d late", calls, heard.Load(), late.Load())
		}
	})
}

type validated struct {
	A, B int
}

func (v *validated) Validate() error {
	switch {
	case v.A == 7:
		panic("seven")
	case v.A > v.B:
		return &FieldError{Field: "a", Err: fmt.Errorf("%d is more than b, %d", v.A, v.B)}
	}
	return nil
}

func TestValidate(t *testing.T) {
	for content, want := range map[string]string{
		"a: 1\nb: 2\n":      "",
		"b: 2\na:    3\n":   ":2:7: a: 3 is more than b, 2",
		"a: 7\nb: 9\n":      ": Validate: it panicked: seven",
		"b: 2\n\n\na: 1000": ":4:4: a: 1000 is more",
	} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		write(t, path, content)
		_, err := Watch(t.Context(), path, Options[validated]{Logger: quiet(), Debounce: time.Millisecond})
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), "hotconfig: reading "+path+want)) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
}

func TestDefaultsFileAndEnvironment(t *testing.T) {
	t.Setenv("TESTING_POOL_SIZE", "70")
	t.Setenv("TESTING_HOSTS", "[x]")
	t.Setenv("TESTING_NAME", "123")
	options := quick()
	options.EnvPrefix = "TESTING_"
	options.Default = func() testConfig { return testConfig{Pool: pool{Size: 5, Timeout: time.Minute}, Password: "default"} }
	v, _ := start(t, "c.yaml", "name: file\npool: {size: 60}\nhosts: [a]\n", options)
	c := v.Get()
	if c.Name != "123" || c.Pool.Size != 70 || c.Pool.Timeout != time.Minute || c.Password != "default" || len(c.Hosts) != 1 || c.Hosts[0] != "x" {
		t.Errorf("%+v", c)
	}
	t.Setenv("TESTING_POOL_SIZE", "many")
	if err := v.Reload(t.Context()); err != nil {
		t.Errorf("nothing in the file has changed: %v", err)
	}
	if _, err := Watch(t.Context(), v.paths[0], options); err == nil || !strings.Contains(err.Error(), `TESTING_POOL_SIZE is "many"; want a whole number`) {
		t.Errorf("%v", err)
	}
}

func TestPinned(t *testing.T) {
	v, path := start(t, "c.yaml", good, quick())
	ctx := v.Pin(t.Context())
	other, _ := start(t, "c.yaml", strings.Replace(good, "50", "7", 1), quick())
	ctx = other.Pin(ctx) // two values do not see each other
	handler := v.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := v.From(r.Context()).Pool.Size
		write(t, path, strings.Replace(good, "50", "60", 1))
		eventually.Holds(t, "it changes under the request", func() bool { return v.Get().Pool.Size == 60 })
		if second := v.From(v.Pin(r.Context())).Pool.Size; second != first {
			t.Errorf("a request reads %d and then %d", first, second)
		}
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if a, b, c := v.From(ctx).Pool.Size, other.From(ctx).Pool.Size, v.From(t.Context()).Pool.Size; a != 50 || b != 7 || c != 60 {
		t.Errorf("pinned %d, the other %d, not pinned %d; want 50, 7, 60", a, b, c)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	var log strings.Builder
	var mu sync.Mutex
	options := quick()
	options.Logger = slog.New(slog.NewJSONHandler(lockedWriter{&mu, &log}, nil))
	v, path := start(t, "c.yaml", good, options)
	write(t, path, strings.ReplaceAll(strings.Replace(good, "s3cret", "pr1vate", 1), "50", "60"))
	eventually.Holds(t, "it changes", func() bool { return v.Get().Pool.Size == 60 })
	write(t, path, good+"password: pr1vate\n")
	eventually.Holds(t, "it is refused", func() bool { return v.Status().Error != "" })
	mu.Lock()
	defer mu.Unlock()
	if all := log.String() + v.Status().Error; strings.Contains(all, "s3cret") || strings.Contains(all, "pr1vate") || !strings.Contains(all, `"pool.size"`) || !strings.Contains(all, `"***"`) {
		t.Errorf("the log and the status say %s", all)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	b  *strings.Builder
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func TestSealed(t *testing.T) {
	options := quick()
	options.Sealed = true
	v, path := start(t, "c.yaml", string(Seal([]byte(good))), options)
	whole := Seal([]byte(strings.Replace(good, "50", "60", 1)))
	for _, n := range []int{1, 20, len(whole) / 2, len(whole) - 70, len(whole) - 2} {
		write(t, path, string(whole[:n]))
		eventually.Holds(t, "it is refused", func() bool { return v.Status().Error != "" })
		if v.Get().Pool.Size != 50 {
			t.Fatalf("%d of %d bytes are taken for a whole file", n, len(whole))
		}
		write(t, path, string(Seal([]byte(good))))
		eventually.Holds(t, "it is mended", func() bool { return v.Status().Error == "" })
	}
	write(t, path, strings.Replace(string(whole), "60", "61", 1))
	eventually.Holds(t, "it is refused", func() bool { return strings.Contains(v.Status().Error, ":9:11: it is cut off or was changed by hand") })
	write(t, path, string(whole))
	eventually.Holds(t, "it is taken", func() bool { return v.Get().Pool.Size == 60 })
	if v.Status().Torn == 0 {
		t.Error("none was counted as torn")
	}
}

func TestGetCostsNothing(t *testing.T) {
	v, _ := start(t, "c.yaml", good, quick())
	var sum atomic.Int64
	if n := testing.AllocsPerRun(1000, func() { sum.Add(int64(v.Get().Pool.Size)) }); n != 0 {
		t.Errorf("Get allocates %v times", n)
	}
}

func BenchmarkGet(b *testing.B) {
	v, _ := start(b, "c.yaml", good, quick())
	sum := 0
	for b.Loop() {
		sum += v.Get().Pool.Size
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(good, uint8(0))
	f.Add(`{"name": "a"}`, uint8(1))
	f.Add("name = 'a'\n[[x.y]]\nz = {a = [1, 2]}\n", uint8(2))
	f.Fuzz(func(t *testing.T, content string, kind uint8) {
		_, err := decodeFile[testConfig](Options[testConfig]{}, "c", format(kind%3), []byte(content))
		var e *FileError
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%v is no *FileError", err)
		}
	})
}
