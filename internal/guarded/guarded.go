// Package guarded runs the code of others on goroutines of ours: a source that reads the service, a responder, a health
// check, a callback. Such code may panic, or end its goroutine by runtime.Goexit, as testing.T.FailNow does; neither may
// take the library or the process with it.
package guarded

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrGoexit says that a call ended its goroutine and never returned.
var ErrGoexit = errors.New("it ended its goroutine")

// PanicError is a panic that was recovered.
type PanicError struct {
	Value any
	Stack []byte
	text  string
}

// Error says that it panicked, and with what. It leaves out the stack, which takes a page.
func (e *PanicError) Error() string { return e.text }

// Call calls f. Unless f returns nil, failed is told why, once: f's error, a [*PanicError], or [ErrGoexit]. In that last case
// Call does not return: nothing can keep a goroutine that ends itself, so what has to go on runs by [Go].
func Call(f func() error, failed func(error)) {
	returned := false
	defer func() {
		if returned {
			return
		}
		value := recover()
		if value == nil {
			failed(ErrGoexit)
			return
		}
		caught := &PanicError{value, debug.Stack(), "it panicked"}
		defer func() { failed(caught) }() // also when the value ends the goroutine as it is asked for its text
		caught.text += fmt.Sprintf(": %v", value)
	}()
	err := f()
	returned = true
	if err != nil {
		failed(err)
	}
}

// Go calls step again and again, on a goroutine of its own, until it returns false. A step that ends its goroutine is
// followed by the next on another. A panic in step is not recovered: [Call] is for what may panic.
func Go(step func() (more bool)) { go run(step) }

func run(step func() (more bool)) {
	over := false
	defer func() {
		if !over {
			if value := recover(); value != nil {
				panic(value)
			}
			go run(step)
		}
	}()
	for step() {
	}
	over = true
}
