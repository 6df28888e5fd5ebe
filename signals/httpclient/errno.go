//go:build !plan9

package httpclient

import "syscall"

// resets are what the system says of a connection that was cut.
var resets = []error{syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED}
