package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// KillFrom kills the processes whose executable is below a directory, or whose temporary directory is: what a killed falsify
// has left running, the children of its services included.
func KillFrom(dir string) {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return
	}
	mark := "\x00TMPDIR=" + dir + string(filepath.Separator)
	for _, link := range links {
		folder := filepath.Dir(link)
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil || pid == os.Getpid() {
			continue
		}
		target, err := os.Readlink(link)
		if err != nil {
			continue // another user's, or gone
		}
		environment, _ := os.ReadFile(filepath.Join(folder, "environ"))
		if strings.HasPrefix(target, dir+string(filepath.Separator)) || strings.Contains("\x00"+string(environment), mark) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
