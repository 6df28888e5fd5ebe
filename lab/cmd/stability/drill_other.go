//go:build !unix

package main

import "errors"

const usr1 = 10

func sendUSR1(int) error { return errors.New("this system has no SIGUSR1: use -post") }
