//go:build !linux

package evidence

import "time"

// threadCPU is not to be had here.
func threadCPU() time.Duration { return 0 }
