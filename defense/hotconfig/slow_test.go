package hotconfig

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/internal/faultpoint"
)

// disk is one that answers when it is told to.
type disk struct {
	silent chan struct{} // closed when it answers again
	asked  atomic.Int64
}

// silence makes every disk silent until answer.
func silence(t *testing.T) (d *disk, answer func()) {
	d = &disk{silent: make(chan struct{})}
	restore := faultpoint.SetFile(func(_ string, content []byte) ([]byte, error) {
		d.asked.Add(1)
		<-d.silent
		return content, nil
	})
	t.Cleanup(restore)
	return d, func() {
		restore()
		close(d.silent)
	}
}

// A disk that does not answer is told of like any other trouble with the file, what is in force stays, and nobody reads twice at once.
func TestSilentDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "c.yaml")
		write(t, path, good)
		v := unwatched(t, path, quick())
		d, answer := silence(t)
		for range 3 {
			begun := time.Now()
			err := v.Reload(t.Context())
			if took := time.Since(begun); !errors.Is(err, errSlow) || took != patience {
				t.Errorf("after %v: %v", took, err)
			}
		}
		s := v.Status()
		if v.Get().Pool.Size != 50 || s.Generation != 1 || s.Rejected != 1 || !strings.HasSuffix(s.Error, "c.yaml: its disk has not answered for 5s") {
			t.Errorf("in force is a pool of %d, status %+v", v.Get().Pool.Size, s)
		}
		if n := d.asked.Load(); n != 1 {
			t.Errorf("%d readings wait for the disk", n)
		}
		answer()
		if err := v.Reload(t.Context()); err != nil || v.Status().Error != "" {
			t.Errorf("the disk answers again: %v, %+v", err, v.Status())
		}
		write(t, path, strings.Replace(good, "50", "60", 1))
		if err := v.Reload(t.Context()); err != nil || v.Get().Pool.Size != 60 {
			t.Errorf("the disk answers again, and a change is not taken: %v", err)
		}
	})
}

// Who asks for a reload beside one that waits for the disk waits no longer than its own context.
func TestReloadBesideASlowOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "c.yaml")
		write(t, path, good)
		v := unwatched(t, path, quick())
		_, answer := silence(t)
		first := make(chan error)
		go func() { first <- v.Reload(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if err := v.Reload(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if err := <-first; !errors.Is(err, errSlow) {
			t.Errorf("the first ends with %v", err)
		}
		answer()
	})
}

// A start does not wait for a disk for ever.
func TestStartOnASilentDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "c.yaml")
		write(t, path, good)
		_, answer := silence(t)
		defer answer()
		v := &Value[testConfig]{options: quick().withDefaults(path), paths: []string{path}}
		v.init()
		if err := v.Reload(t.Context()); !errors.Is(err, errSlow) {
			t.Errorf("the start ends with %v", err)
		}
	})
}

// A configuration that does harm goes back in time, though each look at the file takes a minute since: the disk is slow, and the file
// does not come to rest.
func TestHarmGoesBackWithoutTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path, end := newService(t, 1, On)
		s.run(20*time.Second, nil)
		s.change(t, path, harmful["empty list"])
		var looks atomic.Int64
		defer faultpoint.SetFile(func(_ string, content []byte) ([]byte, error) {
			<-time.After(4 * time.Second)
			return fmt.Appendf(content, "# %d\n", looks.Add(1)), nil
		})()
		s.config.hint()
		begun := time.Now()
		s.run(time.Minute, func() bool { return s.config.Generation() == 3 })
		if took := time.Since(begun); took > 10*time.Second || len(s.config.Get().Hosts) != 2 {
			t.Errorf("after %v: %+v", took, s.config.Status())
		}
		end()
		<-time.After(4 * time.Second) // the last reading is left to itself
	})
}
