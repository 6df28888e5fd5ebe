// Package torncfg finds configuration that readers can see half changed (docs/guide/whitepaper.md §4.1).
//
// A snapshot behind an atomic.Value or atomic.Pointer is safe only while nobody changes it. The analyzer reports a write
// into a map that is reached from a loaded snapshot, and one into a map that is reached from a value after it was stored: a
// concurrent reader of that map dies of "concurrent map read and map write", which cannot be recovered. It
// reports a write to a plain field in both cases too, when the type calls itself a configuration (Config, Conf, Settings,
// Options, Snapshot): readers see one field new and the other old. Functions of the package that return the snapshot, or
// change what they are given, are looked into. A struct with a lock in it is no snapshot.
//
// It also reports viper.WatchConfig in a package that reads the same viper with Get: viper writes its maps while
// readers read them (viper#268, still so in 1.21).
//
// And it reports a koanf without a lock inside (up to 2.2) that a Watch callback loads anew while the package reads it.
//
// Mending: parse into a new value, validate it, store the pointer; copy a map before changing it (maps.Clone).
package torncfg
