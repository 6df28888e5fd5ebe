package falsify

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/falsifiable/stability/lab/falsify/process"
)

// workDirPrefix is followed by the process id of the falsify that made the directory, so that the next one can tell
// whether it still runs.
const workDirPrefix = "falsify-"

// makeWorkDir returns a directory of our own that is short enough for the sockets in it: their paths have about a hundred
// bytes. Before that it cleans up after a falsify that was killed: its directories, and what still runs from them.
func makeWorkDir() (string, error) {
	const room = 60
	parent := os.TempDir()
	if len(parent) > room {
		parent = "/tmp"
	}
	cleanUp(parent)
	dir, err := os.MkdirTemp(parent, workDirPrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return "", fmt.Errorf("falsify: %w", err)
	}
	return dir, nil
}

// cleanUp removes the work directories of falsify processes that are gone. It touches nothing that is not ours: neither
// another user's, nor one whose maker runs.
func cleanUp(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		pid, ok := makerOf(e.Name())
		if !ok || !e.IsDir() || alive(pid) {
			continue
		}
		dir := filepath.Join(parent, e.Name())
		if info, err := os.Lstat(dir); err != nil || !ours(info) {
			continue
		}
		process.KillFrom(dir)
		_ = os.RemoveAll(dir) // the next one tries again
	}
}

// makerOf returns the process id in a work directory's name.
func makerOf(name string) (pid int, ok bool) {
	rest, ok := strings.CutPrefix(name, workDirPrefix)
	if !ok {
		return 0, false
	}
	text, _, ok := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(text)
	return pid, ok && err == nil && pid > 0
}
