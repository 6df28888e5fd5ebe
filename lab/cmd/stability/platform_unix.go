//go:build unix

package main

// missing says why a command cannot do its work on this system, "" if it can.
func missing(string, []string) string { return "" }
