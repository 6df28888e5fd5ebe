package tornfile

import (
	"errors"
	"io/fs"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/internal/openconfigs"
)

func TestTheReaderFindsItSo(t *testing.T) {
	for how, want := range map[string]func(content []byte, err error) bool{
		"torn":     func(content []byte, err error) bool { return err == nil && string(content) == "name:" },
		"invalid":  func(content []byte, err error) bool { return err == nil && string(content) == "\x00" },
		"flapping": func(content []byte, err error) bool { return err == nil && string(content) == "\x00" },
		"missing":  func(_ []byte, err error) bool { return errors.Is(err, fs.ErrNotExist) },
		"denied":   func(_ []byte, err error) bool { return errors.Is(err, fs.ErrPermission) },
	} {
		synctest.Test(t, func(t *testing.T) {
			var bad, looks atomic.Int64
			file := &openconfigs.Config{Name: "test", Path: "c.yaml", Rejected: func() (uint64, uint64, uint64) { return uint64(bad.Load()), 0, 0 }}
			file.Look = func() {
				looks.Add(1)
				if read := faultpoint.File(); read != nil {
					if content, err := read("c.yaml", []byte("name: test")); want(content, err) {
						bad.Add(1)
					}
				}
			}
			openconfigs.Add(file)
			defer runtime.KeepAlive(file)
			injection, err := Fault.Inject(t.Context(), fault.Settings{"how": how, "period": "1s"}, 1)
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(9500 * time.Millisecond)
			n := int64(10)
			if how == "torn" || how == "flapping" {
				n = 5
			}
			if w := injection.Witness(); bad.Load() != n || !w.Active || w.Value != float64(n) {
				t.Errorf("%s: %d of %d looks found it so, want %d; the witness says %+v", how, bad.Load(), looks.Load(), n, w)
			}
			faulttest.Remove(t, injection)
			if faultpoint.File() != nil || looks.Load() != 11 {
				t.Errorf("%s: the fault is still there, or nobody looked at what is: %d looks", how, looks.Load())
			}
		})
	}
}

// A look at a slow disk takes its time and finds what is there; none is held longer than the fault lasts.
func TestTheDiskIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := &openconfigs.Config{Name: "test", Path: "c.yaml", Rejected: func() (_, _, _ uint64) { return }, Look: func() {}}
		openconfigs.Add(file)
		defer runtime.KeepAlive(file)
		injection, err := Fault.Inject(t.Context(), fault.Settings{"how": "slow", "delay": "3s"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if w := injection.Witness(); w.Active {
			t.Errorf("nobody has looked, and the witness says %+v", w)
		}
		look := func() time.Duration {
			begun := time.Now()
			if content, err := faultpoint.File()("c.yaml", []byte("name: test")); string(content) != "name: test" || err != nil {
				t.Errorf("found was %q, %v", content, err)
			}
			return time.Since(begun)
		}
		if took := look(); took != 3*time.Second {
			t.Errorf("the look took %v, want 3 s", took)
		}
		if w := injection.Witness(); !w.Active || w.Value != 1 {
			t.Errorf("the witness says %+v, want one look", w)
		}
		held := make(chan time.Duration, 1)
		go func() { held <- look() }()
		<-time.After(time.Second)
		faulttest.Remove(t, injection)
		if took := <-held; took != time.Second {
			t.Errorf("a look was held for %v, and the fault lasted one more second", took)
		}
	})
}
