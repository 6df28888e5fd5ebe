// Package badreload is a root cause (docs/guide/whitepaper.md §4.1): what is in the configuration file is not what runs.
//
// # What it is
//
// A file that does not parse, has an unknown key, a value out of range, or was vetoed, is refused, and the last good
// configuration stays. That is right, and it is a trap: the next restart finds only the bad file, and what somebody
// meant to change has not changed.
//
// # How it looks
//
// The service runs as before. One warning in a log, or none; on another instance, started since, everything fails.
//
// # Why these thresholds
//
// A mistake that is mended within a minute was somebody at work. One that stays is a difference between the file and
// the service that nobody knows of.
//
// # Limits
//
// A file that is valid and does harm is cause badconfig. A file that nobody follows is not seen.
//
// # Sources
//
// docs/guide/whitepaper.md §4.1; grafana/dskit#262, in which a return to the same good file never counted
// as one; leviath#736.
package badreload
