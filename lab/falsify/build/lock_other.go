//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package build

import "os"

// lockFile does nothing: the standard library has no lock here. Two builds of one service at once may spoil each other.
func lockFile(*os.File) error { return nil }
