package doctor

import (
	"fmt"
	"math"
	"strings"
)

// Launch returns the command line that starts an image with limits and with the settings that fit them (docs/guide/whitepaper.md §4.2).
// Memory is in bytes, cpus 0 for no limit.
func Launch(image string, memory, cpus float64) string {
	words := []string{"docker", "run", fmt.Sprintf("-m %dm", int(memory/(1<<20))), fmt.Sprintf("--memory-swap %dm", int(memory/(1<<20)))}
	if cpus > 0 {
		words = append(words, fmt.Sprintf("--cpus %g", cpus))
	}
	c := &container{memory: memory, cpus: math.NaN()}
	words = append(words, "-e GOMEMLIMIT="+c.wanted(), "-e GOTRACEBACK=all", "--ulimit nofile=65536:65536", "--ulimit core=0", image)
	return strings.Join(words, " ")
}
