package guarded

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

func TestCall(t *testing.T) {
	mistake := errors.New("no such webhook")
	for name, test := range map[string]struct {
		f    func() error
		want func(error) bool
	}{
		"returns":                   {func() error { return nil }, nil},
		"fails":                     {func() error { return mistake }, func(err error) bool { return err == mistake }},
		"panics":                    {func() error { panic("nil map") }, isPanic},
		"goes off":                  {func() error { runtime.Goexit(); return nil }, func(err error) bool { return err == ErrGoexit }},
		"panics with what goes off": {func() error { panic(leaver{}) }, func(err error) bool { return err.Error() == "it panicked" }},
	} {
		t.Run(name, func(t *testing.T) {
			told := make(chan error, 2)
			done := make(chan struct{})
			go func() {
				defer close(done)
				Call(test.f, func(err error) { told <- err })
			}()
			<-done
			close(told)
			err, failed := <-told
			if failed != (test.want != nil) || failed && !test.want(err) {
				t.Errorf("told %v (%t)", err, failed)
			}
			if _, twice := <-told; twice {
				t.Error("told twice")
			}
		})
	}
}

// leaver ends the goroutine that asks it for its text.
type leaver struct{}

func (leaver) String() string { runtime.Goexit(); return "" }

func isPanic(err error) bool {
	p, ok := errors.AsType[*PanicError](err)
	return ok && p.Value == "nil map" && strings.Contains(string(p.Stack), "TestCall") && err.Error() == "it panicked: nil map"
}

// What ends its goroutine is followed by the next step, on another.
func TestGo(t *testing.T) {
	done := make(chan struct{})
	steps := 0
	Go(func() bool {
		if steps++; steps < 3 {
			runtime.Goexit()
		}
		if steps == 5 {
			close(done)
		}
		return steps < 5
	})
	<-done
	if steps != 5 {
		t.Errorf("%d steps, want 5", steps)
	}
}

func TestCallAllocatesNothing(t *testing.T) {
	f, failed := func() error { return nil }, func(error) {}
	if n := testing.AllocsPerRun(100, func() { Call(f, failed) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
