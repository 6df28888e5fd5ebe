package faultpoint

// FileFunc stands between a configuration file and its reader, defense/hotconfig: it is given what was read, and what it
// returns is taken for what the file holds.
type FileFunc func(path string, content []byte) ([]byte, error)

var files latest[FileFunc]

// SetFile makes f stand before each configuration file, until restore.
func SetFile(f FileFunc) (restore func()) { return files.set(f) }

// File returns what stands before configuration files, nil for nothing.
func File() FileFunc { return files.get() }
