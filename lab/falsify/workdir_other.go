//go:build !unix

package falsify

import "os"

// alive says that every process runs. This system does not tell, and what may still be in use is not cleaned up.
func alive(int) bool { return true }

func ours(os.FileInfo) bool { return false }
