// Package endlessloop lets requests compute without end: a loop whose exit is never reached, a regular expression or a parser
// that an input drives wild, a list that has become a ring. Each takes a processor for as long as the fault lasts, and none
// waits for anything.
package endlessloop
