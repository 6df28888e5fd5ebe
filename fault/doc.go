// Package fault says what can be made to go wrong in a service, so that stability falsify can try whether the
// contract that claims to notice it does.
//
// A [Fault] is declared by a value: its name, its parameters with their bounds, and how to start it. Starting one
// gives an [Injection], which can prove that it took effect ([Witness], measured, not assumed) and can be removed
// exactly ([Residue]). Each fault lives in a folder of its own; package agent lists them and takes orders in the
// service under test, in the words of wire.go.
//
// Every fault keeps four promises, and its test tries each: it is the fault it says; a witness proves it; removing it
// removes it, to the last goroutine, byte and file; it ends with its context.
//
// No production room imports this one, so a production binary cannot inject faults (docs/guide/hazards.md, 12).
package fault
