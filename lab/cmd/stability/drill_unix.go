//go:build unix

package main

import "syscall"

const usr1 = uint(syscall.SIGUSR1)

func sendUSR1(pid int) error { return syscall.Kill(pid, syscall.SIGUSR1) }
