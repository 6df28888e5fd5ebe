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
		"torn":    func(content []byte, err error) bool { return err == nil && string(content) == "name:" },
		"invalid": func(content []byte, err error) bool { return err == nil && string(content) == "\x00" },
		"missing": func(_ []byte, err error) bool { return errors.Is(err, fs.ErrNotExist) },
		"denied":  func(_ []byte, err error) bool { return errors.Is(err, fs.ErrPermission) },
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
			if how == "torn" {
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
