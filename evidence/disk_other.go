//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package evidence

import (
	"errors"
	"os"
)

// lock is not to be had from the standard library here; see isWreck for what stands in.
func lock(*os.File) error { return errors.ErrUnsupported }

// syncDir does nothing: directories cannot be synced here.
func syncDir(*os.Root) error { return nil }
