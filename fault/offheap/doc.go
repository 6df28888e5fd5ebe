// Package offheap takes resident memory that is not on Go's heap: what cgo, mapped files, and caches in shared memory
// take. Neither the garbage collector nor GOMEMLIMIT sees any of it; the kernel does.
package offheap
