//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package evidence

import "os"

// haveLocks: they are not to be had from the standard library here; see isWreck for what stands in.
const haveLocks = false

func lockDir(*os.Root) (unlock func(), err error) { return func() {}, nil }

// syncDir does nothing: directories cannot be synced here.
func syncDir(*os.Root) error { return nil }
