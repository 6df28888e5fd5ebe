// Package hungprobe makes the checks of a service's components hang, heedless of their contexts, as a driver does that waits for
// a lock or a network without a deadline; or makes them fail, as a cache that never becomes warm.
//
// Only checks that run under package health are touched; what the components themselves do goes on.
package hungprobe
