package expr_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

func Example() {
	schema := signals.NewSchema(signals.Standard()...)
	program, err := expr.Compile(schema, "runtime.NumGoroutine() > 2000", expr.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	store := signals.NewStore(schema, signals.StoreConfig{})
	for _, w := range program.Windows() {
		store.Retain(w.ID, w.Window)
	}
	evaluator := program.Bind(store)

	id, _, _ := schema.Lookup("go.goroutine.count")
	store.Push(signals.Sample{ID: id, At: time.Second, Value: 2500})
	for _, o := range evaluator.Eval(time.Second) {
		fmt.Println(o.Truth, o.Value, o.Threshold)
	}
	for _, o := range evaluator.Eval(time.Minute) {
		fmt.Println(o.Truth, o.Reason)
	}
	// Output:
	// true 2500 2000
	// unknown go.goroutine.count was last read 59s ago
}

func ExampleCompile_error() {
	schema := signals.NewSchema(signals.Standard()...)
	_, err := expr.Compile(schema, "goroutine > 2000 && mem.HeapInuse > 5m", expr.Options{})
	fmt.Println(err)
	// Output:
	// expr: compiling: 1:1: unknown signal goroutine
	//     goroutine > 2000 && mem.HeapInuse > 5m
	//     ^^^^^^^^^
	//     did you mean goroutines?
	// expr: compiling: 1:35: > compares different dimensions: left is bytes, right is seconds
	//     goroutine > 2000 && mem.HeapInuse > 5m
	//                                       ^
}

func ExampleError() {
	schema := signals.NewSchema(signals.Standard()...)
	_, err := expr.Compile(schema, "goroutines > 2k", expr.Options{})
	var e *expr.Error
	if errors.As(err, &e) {
		fmt.Printf("column %d: %s\n", e.Pos.Column, e.Msg)
	}
	// Output: column 15: unknown unit k
}

func ExampleProgram_Canonical() {
	schema := signals.NewSchema(signals.Standard()...)
	for _, text := range []string{"mem.HeapInuse >= 800 * 1024 * 1024", "go.memory.heap.inuse>=800MiB"} {
		program, err := expr.Compile(schema, text, expr.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(program.Canonical())
	}
	// Output:
	// go.memory.heap.inuse >= 838860800B
	// go.memory.heap.inuse >= 838860800B
}

func ExampleProgram_Warnings() {
	schema := signals.NewSchema(signals.Standard()...)
	program, err := expr.Compile(schema, "process.fds > process.fds.limit", expr.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range program.Warnings() {
		fmt.Println(w)
	}
	// Output:
	// 1:1: process.fds never exceeds process.fds.limit: this can be true only when that invariant is broken; compare process.fds >= 0.95 * process.fds.limit
}
