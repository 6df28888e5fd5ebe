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
	os.Exit(1) // want `os.Exit skips the deferred calls`
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
