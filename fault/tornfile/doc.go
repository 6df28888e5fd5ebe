// Package tornfile lets a service find its configuration files as bad writers and bad disks leave them: half written, invalid, so
// and not so by turns, gone, not readable, or slow to come.
//
// It stands between the files and their reader, defense/hotconfig, so the files themselves are never touched, however the
// process ends. A slow disk is made there too: a file system that waits needs rights on the host which a service under test does
// not have, and a pipe in the file's place is refused at once, being no file. What the reader sees is the same, a reading that
// does not return and heeds no context.
package tornfile
