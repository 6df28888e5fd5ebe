// Package set gives the garbage collector the container's memory limit, by being imported:
//
//	import _ "github.com/falsifiable/stability/defense/memlimit/set"
//
// It sets the limit while packages are initialized, with the defaults of [memlimit.Config], and goes on looking at it every
// second for as long as the process lives. A program that starts a limiter of its own must not import it.
package set

import (
	"context"

	"github.com/falsifiable/stability/defense/memlimit"
)

// Limiter is the one at work.
var Limiter = start()

func start() *memlimit.Limiter {
	l, err := memlimit.New(memlimit.Config{})
	if err != nil {
		panic(err) // the zero value is valid
	}
	l.Look() // before main allocates
	go l.Run(context.Background())
	return l
}
