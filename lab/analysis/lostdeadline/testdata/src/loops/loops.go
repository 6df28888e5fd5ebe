// Package loops sleeps in loops that learn of the context's end in many ways, and in some that do not.
package loops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

const pause = time.Millisecond

type stream struct{}

func (stream) Recv() (int, error) { return 0, nil }

func open(context.Context) (stream, error)       { return stream{}, nil }
func try(ctx context.Context) error              { return nil }
func ready(ctx context.Context, id int) bool     { return true }
func alive(ctx context.Context) bool             { return true }
func expired(ctx context.Context) bool           { return ctx.Err() != nil }
func over(ctx context.Context, what string) bool { return context.Cause(ctx) != nil && what != "" }
func busy(error) bool                            { return true }
func final(err error) bool                       { return errors.Is(err, context.Canceled) }

func derived(ctx context.Context) {
	c, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for c.Err() == nil {
		time.Sleep(pause)
	}
}

func request(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	for ctx.Err() == nil {
		time.Sleep(pause)
	}
	for {
		if _, err := fmt.Fprintln(w, "tick"); err != nil {
			return
		}
		time.Sleep(pause)
	}
}

func done(ctx context.Context) {
	var done = ctx.Done()
	for {
		select {
		case <-done:
			return
		default:
		}
		time.Sleep(pause)
	}
}

func cause(ctx context.Context, f func()) error {
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		f()
		time.Sleep(pause)
	}
}

func helpers(ctx context.Context) {
	for !expired(ctx) {
		time.Sleep(pause)
	}
	for {
		if over(ctx, "helpers") {
			break
		}
		time.Sleep(pause)
	}
	for alive(ctx) {
		time.Sleep(pause)
	}
	stop := func() bool { return ctx.Err() != nil }
	for !stop() {
		time.Sleep(pause)
	}
}

func polls(ctx context.Context) {
	for !ready(ctx, 1) {
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
	for {
		if ready(ctx, 1) {
			return
		}
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
}

func ok(ctx context.Context) {
	ok := false
	for !ok {
		ok = ready(ctx, 1)
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
	for {
		ok := ready(ctx, 2)
		if !ok {
			return
		}
		time.Sleep(pause)
	}
}

func receives(ctx context.Context, f func(int)) error {
	s, err := open(ctx)
	if err != nil {
		return err
	}
	for {
		v, err := s.Recv()
		if err != nil {
			return err
		}
		f(v)
		time.Sleep(pause)
	}
}

func chained(ctx context.Context) {
	for {
		if _, err := must(open(ctx)).Recv(); err != nil {
			return
		}
		time.Sleep(pause)
	}
}

func must(s stream, err error) stream { return s }

func logged(ctx context.Context) {
	for {
		if err := try(ctx); err != nil {
			println(err.Error())
		}
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
}

func sentinel(ctx context.Context) error {
	for {
		if err := try(ctx); err != errBusy {
			return err
		}
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
}

func jumps(ctx context.Context) {
	for {
		if err := try(ctx); err != nil {
			panic(err)
		}
		time.Sleep(pause)
	}
	for {
		if err := try(ctx); err != nil {
			goto end
		}
		time.Sleep(pause)
	}
end:
}

func elsewhere(ctx context.Context, f func()) {
	for {
		go func() {
			<-ctx.Done()
			f()
		}()
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
}

func near(ctx context.Context, f func()) {
	for {
		if end, ok := ctx.Deadline(); ok && time.Until(end) < pause {
			return
		}
		f()
		time.Sleep(pause)
	}
}

func direct(ctx context.Context) {
	for {
		if try(ctx) != nil {
			break
		}
		time.Sleep(pause)
	}
	var err error
	for err == nil {
		err = try(ctx)
		time.Sleep(pause)
	}
	for err != nil {
		err = try(ctx)
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
}

func retries(ctx context.Context) error {
	for {
		err := try(ctx)
		if err == nil || !busy(err) {
			return err
		}
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
}

func retriesUntil(ctx context.Context, giveUp func(error) bool) error {
	for {
		err := try(ctx)
		if err == nil || final(err) {
			return err
		}
		time.Sleep(pause)
	}
	for {
		err := try(ctx)
		if err == nil || giveUp(err) {
			return err
		}
		time.Sleep(pause)
	}
}

func tries(ctx context.Context) (err error) {
	for i := 0; ; i++ {
		if err = try(ctx); err != nil && i > 3 {
			return err
		}
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
}

var errBusy, errGone = errors.New("busy"), errors.New("gone")

func again(ctx context.Context) error {
	for {
		err := try(ctx)
		if errors.Is(err, errBusy) {
			time.Sleep(pause) // want `this loop sleeps without looking at ctx`
			continue
		}
		return err
	}
	for {
		err, n := try(ctx), 0
		if n++; n > 3 {
			println(n)
		}
		if err == nil {
			time.Sleep(pause)
			continue
		}
		return err
	}
}

func gone(ctx context.Context) error {
	for {
		err := try(ctx)
		if errors.Is(err, errGone) {
			return err
		}
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
}

func canceled(ctx context.Context) error {
	for {
		err := try(ctx)
		if errors.Is(err, context.Canceled) {
			return err
		}
		time.Sleep(pause)
	}
}

func as(ctx context.Context) error {
	for {
		var target *http.MaxBytesError
		if err := try(ctx); errors.As(err, &target) {
			return err
		}
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
}

func otherwise(ctx context.Context) error {
	for {
		if err := try(ctx); err == nil {
			time.Sleep(pause)
		} else {
			return err
		}
	}
}

func switches(ctx context.Context) error {
	for {
		switch err := try(ctx); {
		case err == nil:
			time.Sleep(pause)
		default:
			return err
		}
	}
	for {
		switch err := try(ctx); {
		case err == nil:
			return nil
		case errors.Is(err, errBusy):
			time.Sleep(pause) // want `this loop sleeps without looking at ctx`
		default:
			return err
		}
	}
}

func switched(ctx context.Context) error {
	for {
		switch err := try(ctx); err {
		case nil:
			time.Sleep(pause)
		default:
			return err
		}
	}
	for {
		switch err := try(ctx); err {
		case errBusy:
			time.Sleep(pause) // want `this loop sleeps without looking at ctx`
		case nil:
			return nil
		}
	}
	for {
		switch err := try(ctx); err {
		case errBusy:
			time.Sleep(pause)
		case context.Canceled:
			return nil
		}
	}
}

func cases(ctx context.Context) error {
	for {
		err := try(ctx)
		switch {
		case err == nil:
			return nil
		}
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
}

func after(ctx context.Context) {
	var stopped atomic.Bool
	defer context.AfterFunc(ctx, func() { stopped.Store(true) })()
	for !stopped.Load() {
		time.Sleep(pause)
	}
}

func assigned(ctx context.Context) {
	stopped := false
	defer context.AfterFunc(ctx, func() { stopped = true })()
	for !stopped {
		time.Sleep(pause)
	}
}

func watcher(ctx context.Context) {
	quit := make(chan struct{})
	go func() {
		<-ctx.Done()
		close(quit)
	}()
	for {
		select {
		case <-quit:
			return
		default:
			time.Sleep(pause)
		}
	}
}

func deadline(ctx context.Context) {
	end, _ := ctx.Deadline()
	for time.Now().Before(end) {
		time.Sleep(pause)
	}
}

func ranges(ctx context.Context, ds []time.Duration, jobs chan int, f func() error) {
	for range 3 {
		if f() == nil {
			return
		}
		time.Sleep(pause) // want `this loop sleeps without looking at ctx`
	}
	for _, d := range ds {
		if f() == nil {
			return
		}
		time.Sleep(d) // want `this loop sleeps without looking at ctx`
	}
	for range jobs { // who closes jobs ends it
		time.Sleep(pause)
	}
	for ctx.Err() == nil {
		for range 3 {
			time.Sleep(pause)
		}
	}
}

func timers(ctx context.Context, in chan int, f func() error) {
	for f() != nil {
		<-time.After(pause) // want `this loop sleeps without looking at ctx`
	}
	for f() != nil {
		select {
		case <-time.After(pause):
		case <-in:
		}
	}
}

func nested(ctx context.Context, f func() error) {
	for {
		for f() != nil {
			time.Sleep(pause) // want `this loop sleeps without looking at ctx`
		}
	}
}
