//go:build !unix

package main

import (
	"runtime"
	"slices"
)

// missing says why a command cannot do its work on this system, "" if it can.
func missing(command string, args []string) string {
	const groups = "it ends what it starts by its process group, which " + runtime.GOOS + " has not; run it in WSL or a container"
	verify := slices.ContainsFunc(args, func(a string) bool { return a == "-verify" || a == "--verify" })
	switch {
	case command == "falsify" && !verify:
		return groups + "; -verify works here"
	case command == "test":
		return groups
	case command == "experiment":
		return "it starts a PostgreSQL of its own, which it looks for where Linux has it"
	}
	return ""
}
