//go:build unix

package schedule

import (
	"os"
	"syscall"
)

// ownGroup puts a child into a group of its own, so that what it starts ends with it.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }
