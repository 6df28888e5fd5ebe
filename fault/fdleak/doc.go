// Package fdleak opens files or sockets and never closes them: a response body not closed, a listener in a loop, a
// file handle lost on an error path.
//
// It stops at its maximum or when only a reserve is left below the process's limit, so that the service and the fault
// agent can still accept a connection; a reserve of 0 takes even that.
package fdleak
