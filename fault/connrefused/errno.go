//go:build !plan9

package connrefused

import "syscall"

// What the system says.
const errReset, errRefused = syscall.ECONNRESET, syscall.ECONNREFUSED
