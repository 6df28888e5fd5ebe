// Package moduledrift is a root cause (docs/guide/whitepaper.md §4.4): a program that is built of other modules than go.mod says, or
// by another Go than it was tried with.
//
// # What it is
//
// go.mod chooses versions; go.sum only says what each version has to contain. What is compiled can still be something else: a
// workspace (go.work) takes the highest version that any member asks for, -mod=mod lets a build write go.mod, a replacement that was
// meant for an afternoon stays, a vendored file was edited. A newer Go changes defaults of the runtime and of GODEBUG. The
// code compiles, and behaves otherwise.
//
// # How it looks
//
// Mostly it does not start: generated code refuses its library ("codecgen version mismatch"), two modules register one
// name, schemas conflict. Where it starts, a library behaves as nobody here has tried it, in one build and not in the next, and what
// was deployed is not what the repository holds. A mismatch with go.sum is an error of the build and never a panic.
//
// Before production each kind has its gate. stability gate modules: a tampered go.sum, a minor version that no line of go.mod
// asks for, a replacement by a fork, vendored code that was edited. stability gate toolchain: what another Go changes for this
// program. stability gate start: a panic in init. What got past them, this contract sees.
//
// # Why these thresholds
//
// compiled: one module that is compiled in at another version, or from another place, than the go.mod it was built with says. It is a
// fact about the binary and no estimate, so there is no number to be guessed, nor a time to wait.
//
// # Limits
//
// It needs signals/buildinfo with the text of go.mod, by go:embed; auto leaves out the check whose signals nothing reads. A
// program that was built without modules has no readings. Of the toolchain it tells the version alone (build.go.version).
//
// # Sources
//
// docs/guide/whitepaper.md §4.4; rill#6331, ctlptl#350, go-criu#90,
// bindplane-otel-collector#3594.
package moduledrift
