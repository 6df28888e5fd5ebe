// Package panicpath finds panics and exits that end more than they should, and recovers that hide them (docs/guide/whitepaper.md §1).
//
// It reports
//
//   - log.Fatal and os.Exit outside of package main in a function that could return an error, or that works for a request
//     (it has a context, an *http.Request or an http.ResponseWriter): the library decides over the life of the service;
//     and in package main in a function with deferred calls, which an exit skips;
//   - a recover whose value is thrown away, also after a look whether it is nil, when all that follows is a return or a
//     result set to zero: the panic leaves no trace;
//   - a panic on an error in an init function or in a variable's initializer: the program dies before main can say why;
//   - a panic on an error in a goroutine that nobody recovers: the error of a running service ends the process, and skips what
//     main does to stop;
//   - in packages with the comment //stability:policy recover, a go statement whose function does not recover: there
//     an unrecovered panic in any goroutine ends the process.
//
// A recover is not containment: concurrent map writes, a stack overflow, running out of memory and "all goroutines are
// asleep" cannot be recovered.
package panicpath
