//go:build !unix

package falsify

import "os"

// alive says that every process runs: without knowing better nothing is cleaned up.
func alive(int) bool { return true }

func ours(os.FileInfo) bool { return false }
