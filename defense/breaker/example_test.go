package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/falsifiable/stability/defense/breaker"
)

func ExampleBreaker_Do() {
	risk, err := breaker.New(breaker.Config{Name: "risk", FailureThreshold: 0.8, MinimumRequests: 20, Timeout: 5 * time.Second})
	if err != nil {
		panic(err)
	}
	for range 21 {
		err = risk.Do(context.Background(), func(context.Context) error { return errors.New("connection refused") })
	}
	fmt.Println(err, errors.Is(err, breaker.ErrOpen))
	// Output: breaker: calling risk: open: 20 of 20 calls in 10s failed true
}

func ExampleOptional() {
	offers, _ := breaker.New(breaker.Config{Name: "offers", MinimumRequests: 1, Timeout: time.Minute}) // not Critical
	load := func(context.Context) ([]string, error) { return nil, errors.New("offers are down") }

	_, _ = breaker.Execute(context.Background(), offers, load)
	list, err := breaker.Execute(context.Background(), offers, load)
	if breaker.Optional(err) {
		list, err = []string{"the usual"}, nil // the page is of use without them
	}
	fmt.Println(list, err)
	// Output: [the usual] <nil>
}

func ExampleBreaker_Acquire() {
	peer, _ := breaker.New(breaker.Config{Name: "ledger"})
	permit, err := peer.Acquire()
	if err != nil {
		return // nothing may be sent
	}
	err = nil // the call, made by whoever calls this interceptor
	permit.Done(peer.Judge(context.Background(), err))
	fmt.Println(peer.Dump().Ever)
	// Output: {1 0 0}
}
