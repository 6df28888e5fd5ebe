//go:build !unix

package process

import (
	"os"
	"syscall"
)

// attributes is where a child would get a group of its own, which there is none of here: what a service starts may outlive it.
func attributes() *syscall.SysProcAttr { return nil }

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}
