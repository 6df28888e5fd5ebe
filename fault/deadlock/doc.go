// Package deadlock makes goroutines wait for each other's locks in a circle (docs/guide/whitepaper.md §2.3): two locks, taken in
// one order here and in the other order there.
//
// In "requests" the first two requests that enter block each other, whoever comes later blocks behind them until the
// fault is full, and the rest pass untouched. On removal each lock is unlocked for its holder, until everybody is through.
//
// In "lost" two goroutines deadlock over locks that nothing else can reach, which is what the garbage collector can
// prove. For the same reason nothing can free them: they are the residue, for the life of the process.
package deadlock
