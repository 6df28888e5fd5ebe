package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability"
)

const (
	filePrefix = "crash-"
	fileSuffix = ".txt"
	nameLayout = "20060102T150405.000000Z"
	title      = "stability crash report" // the first line; tells our files from others
	keepFiles  = 8
)

func fileName(now time.Time) string {
	return fmt.Sprintf("%s%s-%d%s", filePrefix, now.UTC().Format(nameLayout), os.Getpid(), fileSuffix)
}

// openCrashFile makes a file which begins with the violation. What it has written will still be there after a restart, or
// there is no file and an error.
func openCrashFile(root *os.Root, name string, v stability.Violation) (*os.File, error) {
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(v)
	if err != nil {
		head = []byte(v.String()) // a value that JSON has no number for
	}
	_, err = fmt.Fprintf(file, "%s\n%s\n\n", title, head)
	if err == nil {
		err = file.Sync() // some file systems find out only now that there is no room
	}
	if err != nil {
		file.Close()
		root.Remove(name)
		return nil, err
	}
	return file, nil
}

// countRecent counts the files of the last hour. One whose time lies in the future counts too.
func countRecent(root *os.Root) (recent int, err error) {
	names, err := ours(root)
	for _, name := range names {
		info, err := root.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // another process has pruned it
		case err != nil:
			return 0, err
		case time.Since(info.ModTime()) < time.Hour:
			recent++
		}
	}
	return recent, err
}

// prune removes the oldest of our crash files until there is room for one more.
func prune(root *os.Root) error {
	names, err := ours(root)
	for _, name := range names[:max(0, len(names)-keepFiles+1)] {
		root.Remove(name)
	}
	return err
}

// ours returns the names of our crash files, oldest first.
func ours(root *os.Root) ([]string, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	kept := names[:0]
	for _, name := range names {
		switch is, err := isOurs(root, name); {
		case err != nil:
			return nil, err
		case is:
			kept = append(kept, name)
		}
	}
	slices.Sort(kept)
	return kept, nil
}

// isOurs tells our files by their first line. One that has our name and nothing in it, as a full disk leaves it, is ours too;
// one that has our name and cannot be read is an error, because it may be one to count.
func isOurs(root *os.Root, name string) (bool, error) {
	if !strings.HasPrefix(name, filePrefix) || !strings.HasSuffix(name, fileSuffix) {
		return false, nil
	}
	switch info, err := root.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, nil
	}
	file, err := root.Open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), err != nil && !isOurName(name):
		return false, nil
	case err != nil:
		return false, err
	}
	defer file.Close()
	head := make([]byte, len(title)+1)
	switch n, err := io.ReadFull(file, head); {
	case err == nil:
		return string(head) == title+"\n", nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return isOurName(name) && strings.HasPrefix(title, string(head[:n])), nil
	case isOurName(name):
		return false, err
	default:
		return false, nil
	}
}

// isOurName tells whether a file of ours can have the name.
func isOurName(name string) bool {
	stamp, pid, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(name, filePrefix), fileSuffix), "-")
	_, err := time.Parse(nameLayout, stamp)
	return ok && err == nil && pid != "" && strings.Trim(pid, "0123456789") == ""
}
