package main

import (
	"context"
	"fmt"
	"os"

	"github.com/falsifiable/stability"
)

// report passes the first violation on.
func report(fired chan<- stability.Violation) func(context.Context, stability.Violation) {
	return func(_ context.Context, v stability.Violation) {
		select {
		case fired <- v:
		default:
		}
	}
}

// conclude says how a run without a violation ended: a check that could not be judged was not silent.
func conclude(m *stability.Monitor, contract string) {
	if status, _ := m.Contract(contract); status.State == stability.Unknown {
		fmt.Println("unknown:", status.Checks[0].Reason)
		return
	}
	fmt.Println("silent")
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
