// Package tornfile lets a service find its configuration files as bad writers leave them: half written, invalid, gone, or not
// readable.
//
// It stands between the files and their reader, defense/hotconfig, so the files themselves are never touched, however the
// process ends.
package tornfile
