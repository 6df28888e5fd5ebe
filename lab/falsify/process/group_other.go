//go:build !unix

package process

import (
	"os"
	"syscall"
)

// attributes does nothing: this system has no process groups, so what a service starts may outlive it.
func attributes() *syscall.SysProcAttr { return nil }

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}
