// Package main has a policy.
//
//stability:policy recover
package main

import "os"

func main() {
	defer println()
	go work() // want `policy is recover`
	go safe()
	go func() { // want `policy is recover`
		work()
	}()
	if len(os.Args) > 1 {
		os.Exit(2) // want `os.Exit skips the deferred calls`
	}
	os.Exit(1) // told once
}

func work() {}

func safe() {
	defer caught()
	work()
}

func caught() {
	if r := recover(); r != nil {
		println(r)
	}
}
