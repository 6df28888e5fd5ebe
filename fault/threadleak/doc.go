// Package threadleak blocks threads of the operating system in system calls, as cgo, files on a dead mount and name
// resolution by the C library do. The runtime starts a thread for every goroutine that is stuck so, up to 10,000, and
// then ends the process.
package threadleak
