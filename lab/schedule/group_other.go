//go:build !unix

package schedule

import (
	"os"
	"syscall"
)

// There are no process groups here: what a test starts may outlive it. The command stability test says so and does not run.

func ownGroup() *syscall.SysProcAttr { return nil }

func killGroup(p *os.Process) error { return p.Kill() }

func signalOf(*os.ProcessState) string { return "" }
