// Package openconfigs lists the configuration files that the service follows through defense/hotconfig.
//
// The fault room must not know the module that reads them, but its faults need the files that they are to harm, and a
// witness that the reader has seen it. A file that nobody follows any more is forgotten.
package openconfigs

import (
	"context"
	"slices"
	"sync"
	"weak"
)

// Config is one file that is followed.
type Config struct {
	Name string
	Path string
	// Rejected tells how many contents were unfit, how many were seen half written, and how many were taken.
	Rejected func() (rejected, torn, reloads uint64)
	// Look has the reader look at the file soon.
	Look func()
	// Deafen keeps the reader from taking the kernel's events, so that their queue can overflow, until hear, which must be called once.
	// It waits for a reader no longer than ctx lasts. Overflows tells how often the reader was told that events had been lost.
	Deafen    func(ctx context.Context) (hear func(), err error)
	Overflows func() uint64
}

var (
	mu   sync.Mutex
	list []weak.Pointer[Config]
)

// Add lists a file for as long as c is reachable; one of the same name is replaced. Safe for concurrent use.
func Add(c *Config) {
	mu.Lock()
	defer mu.Unlock()
	list = slices.DeleteFunc(list, func(w weak.Pointer[Config]) bool {
		old := w.Value()
		return old == nil || old.Name == c.Name
	})
	list = append(list, weak.Make(c))
}

// List returns the files, in the order in which they were listed.
func List() (configs []*Config) {
	mu.Lock()
	defer mu.Unlock()
	for _, w := range list {
		if c := w.Value(); c != nil {
			configs = append(configs, c)
		}
	}
	return configs
}
