// Package dying knows what a Go program prints when it dies.
package dying

import (
	"bytes"
	"regexp"
	"slices"
)

// Line begins what a program prints when it dies.
var Line = regexp.MustCompile(`(?m)^(panic: |fatal error: |SIG[A-Z]+: |unexpected fault address )`)

const (
	lineStart = 64      // of a line: enough to tell whether it begins a crash
	kept      = 8 << 10 // of what comes from the first line on that says why the program dies
)

// Crash keeps the beginning of a crash out of all that a program prints: hundreds of stacks may follow the line that says why.
type Crash struct {
	line  []byte // the beginning of the line that is being written
	crash []byte
}

// Write looks at each line's beginning until one is that of a crash, and keeps what follows. It never fails.
func (c *Crash) Write(p []byte) (int, error) {
	n := len(p)
	if c.crash != nil {
		c.crash = append(c.crash, p[:min(n, kept-len(c.crash))]...)
		return n, nil
	}
	text := slices.Concat(c.line, p)
	if at := Line.FindIndex(text); at != nil {
		c.crash = bytes.Clone(text[at[0]:min(len(text), at[0]+kept)])
		return n, nil
	}
	last := text[bytes.LastIndexByte(text, '\n')+1:]
	c.line = bytes.Clone(last[:min(len(last), lineStart)])
	return n, nil
}

// Bytes returns the crash's beginning, nil if there has been none.
func (c *Crash) Bytes() []byte { return c.crash }
