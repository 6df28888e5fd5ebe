// Package contract checks the expressions of stability contracts in Go source (docs/guide/whitepaper.md §5).
//
// The Expr of a stability.Check is text, so the compiler does not see that it compares bytes with seconds, misspells a
// function, or can never be true. This analyzer compiles every constant Expr against the signals that the library
// itself reads, and reports errors and warnings with the same caret and the same advice as RegisterContract gives at run
// time. A signal that it does not know may be registered by the service: it is taken on trust, with the dimension that
// makes the expression right.
//
// It also reports a contract without a name or without checks, and two checks of one name, where the literal shows it.
// JSON and YAML contract files are checked by stability-contract.
package contract
