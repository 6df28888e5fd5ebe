package hotconfig

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/falsifiable/stability/internal/faultpoint"
)

// FileError is what is wrong with a file, and where. Line and Column count from 1; 0 means the file as a whole.
type FileError struct {
	Path         string
	Line, Column int
	Problem      string
	Err          error // behind it, if there is one
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("hotconfig: reading %s: %s", e.Path, e.Problem)
	}
	return fmt.Sprintf("hotconfig: reading %s:%d:%d: %s", e.Path, e.Line, e.Column, e.Problem)
}

func (e *FileError) Unwrap() error { return e.Err }

// patience is how long a look waits for a disk.
const patience = 5 * time.Second

// errSlow is the error of a file whose disk has not answered yet.
var errSlow = fmt.Errorf("its disk has not answered for %v", patience)

// content is what a reading of all files has found.
type content struct {
	of  [][]byte
	err error
}

func readFiles(paths []string, limit int64) (c content) {
	for _, path := range paths {
		one, err := read(path, limit)
		if err != nil {
			c.err = err
			return c
		}
		c.of = append(c.of, one)
	}
	return c
}

// read reads a file that somebody else writes, whatever it has become.
func read(path string, limit int64) ([]byte, error) {
	content, err := readFile(path, limit)
	if injected := faultpoint.File(); injected != nil && err == nil {
		if content, err = injected(path, content); err != nil {
			err = &FileError{Path: path, Problem: err.Error(), Err: err}
		}
	}
	return content, err
}

func readFile(path string, limit int64) ([]byte, error) {
	wrong := func(err error, problem string, args ...any) ([]byte, error) {
		return nil, &FileError{Path: path, Problem: fmt.Sprintf(problem, args...), Err: err}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer must not hold us
	if err != nil {
		var detail *os.PathError
		if errors.As(err, &detail) {
			return wrong(err, "%v", detail.Err)
		}
		return wrong(err, "%v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return wrong(err, "%v", err)
	case info.IsDir():
		return wrong(nil, "it is a directory; name the file in it")
	case !info.Mode().IsRegular():
		return wrong(nil, "it is no regular file (%v)", info.Mode().Type())
	case info.Size() > limit:
		return wrong(nil, "it has %d bytes, and at most %d are read; see MaxBytes", info.Size(), limit)
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return wrong(err, "%v", err)
	case int64(len(content)) > limit:
		return wrong(nil, "it has more than %d bytes; see MaxBytes", limit)
	}
	return content, nil
}

// text checks that a content is text at all.
func text(path string, content []byte) error {
	if len(bytes.TrimSpace(content)) == 0 {
		return &FileError{Path: path, Problem: "it is empty"}
	}
	if i := bytes.IndexByte(content, 0); i >= 0 {
		line, column := position(content, i)
		return &FileError{Path: path, Line: line, Column: column, Problem: "it is binary, and not text: there is a zero byte"}
	}
	for i := 0; i < len(content); {
		r, size := utf8.DecodeRune(content[i:])
		if r == utf8.RuneError && size == 1 {
			line, column := position(content, i)
			return &FileError{Path: path, Line: line, Column: column, Problem: fmt.Sprintf("byte %#x is not UTF-8", content[i])}
		}
		i += size
	}
	return nil
}

// position returns the line and column of a byte; columns count characters.
func position(content []byte, offset int) (line, column int) {
	before := content[:min(max(offset, 0), len(content))]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}

const sealed = "# sha256: "

// Seal returns a content with the last line that Options.Sealed wants.
func Seal(content []byte) []byte {
	if len(content) > 0 && content[len(content)-1] != '\n' {
		content = append(bytes.Clone(content), '\n')
	}
	sum := sha256.Sum256(content)
	return append(bytes.Clone(content), []byte(sealed+hex.EncodeToString(sum[:])+"\n")...)
}

// errTorn is the error of a content whose seal is missing or wrong.
var errTorn = errors.New("it is cut off or was changed by hand")

// unseal checks the last line and returns the content before it.
func unseal(path string, content []byte) ([]byte, error) {
	body := bytes.TrimSuffix(content, []byte("\n"))
	i := bytes.LastIndexByte(body, '\n') + 1
	line, _ := position(content, i)
	last := body[i:]
	if !bytes.HasPrefix(last, []byte(sealed)) {
		return nil, &FileError{Path: path, Line: line, Column: 1, Err: errTorn,
			Problem: errTorn.Error() + ": the last line must be \"" + sealed + "\" and the sum of all before it"}
	}
	sum := sha256.Sum256(content[:i])
	if !bytes.Equal(last[len(sealed):], []byte(hex.EncodeToString(sum[:]))) {
		return nil, &FileError{Path: path, Line: line, Column: len(sealed) + 1, Err: errTorn,
			Problem: errTorn.Error() + ": the sum in the last line is not that of what stands before it"}
	}
	return content[:i], nil
}

func hashOf(contents [][]byte) string {
	h := sha256.New()
	for _, c := range contents {
		fmt.Fprintf(h, "%d\n", len(c)) // where one ends must count
		h.Write(c)
	}
	return hex.EncodeToString(h.Sum(nil))
}
