package eventually

import (
	"testing"
	"testing/synctest"
	"time"
)

// stub is a test that may fail.
type stub struct {
	testing.TB
	failed bool
}

func (s *stub) Helper()               {}
func (s *stub) Fatalf(string, ...any) { s.failed = true; panic(s) }

func TestHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		Holds(t, "a second has passed", func() bool { return time.Since(begun) >= time.Second })
		if took := time.Since(begun); took != time.Second {
			t.Errorf("it was noticed after %v", took)
		}
		s := &stub{TB: t}
		func() {
			defer func() { _ = recover() }()
			Holds(s, "never", func() bool { return false })
		}()
		if !s.failed || time.Since(begun) != limit+time.Second {
			t.Errorf("what never holds fails the test: %t, after %v", s.failed, time.Since(begun))
		}
	})
}
