// Package budget decides whether the operator may act, and what it does next about an action that it has begun. It is pure:
// what is known and the time go in, a decision comes out. It has no clock, no client and no goroutine, so that all of it can be
// tried at random.
//
// Whatever is bounded is bounded by a [Ledger]. It is one object of the cluster and is written only if nobody has written it
// since it was read, so that two operators which both believe to lead cannot spend the same budget. An action is entered before it
// is begun ([Decide]) and struck out after its effect has ended ([Next]), so that one that crashes between counts.
//
// Three things are never a reason to act: no data, an inconclusive reading, and a check that nobody has proven.
package budget
