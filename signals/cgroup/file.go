package cgroup

import (
	"errors"
	"io/fs"
	"os"
)

// file is one that is kept open and read every so many ticks.
type file struct {
	path  string
	open  *os.File
	fd    int
	every uint
	err   error // of opening or of the last reading
}

// openFile opens a file. That there is none is known by missing.
func openFile(path string, every uint) file {
	f := file{path: path, every: every, fd: -1}
	if f.open, f.err = os.Open(path); f.err == nil {
		f.fd = int(f.open.Fd())
	}
	return f
}

// missing reports whether there was no such file when it was to be opened.
func (f *file) missing() bool { return f.open == nil && errors.Is(f.err, fs.ErrNotExist) }

// due reports whether the file is to be read in this tick.
func (f *file) due(tick uint) bool { return f.open != nil && tick%f.every == 0 }

// read returns the file's content, in buf, and nil when it cannot be had.
func (f *file) read(buf []byte) []byte {
	if f.open == nil {
		return nil
	}
	n, err := pread(f.fd, buf)
	if err != nil {
		f.err = err
		return nil
	}
	f.err = nil
	return buf[:n]
}

func (f *file) close() {
	if f.open != nil {
		f.open.Close()
		f.open = nil
	}
}
