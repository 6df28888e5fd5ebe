package toolchain

import (
	"regexp"
	"strings"

	"github.com/falsifiable/stability/lab/gate"
)

var memoryLimit = regexp.MustCompile(`limits\s*:\s*\{[^}]*\bmemory\s*:\s*["']?\w|^\s*(?:mem_limit|memory)\s*:\s*["']?\d`)

// explicit looks for containers with a memory limit whose program is not told of it: Go reads the CPU limit since 1.25, and the
// memory limit never. Somebody has to say it, in the manifest (GOMEMLIMIT) or in the program.
func (j *judge) explicit() {
	if j.mains == 0 || j.limitsMemory {
		return
	}
	for _, m := range j.manifests {
		if m.mentions("GOMEMLIMIT") {
			continue
		}
		limits := false
		for i, line := range m.lines {
			trimmed := strings.TrimSpace(line)
			if trimmed == "" || strings.HasPrefix(trimmed, "#") {
				continue
			}
			if limitsKey.MatchString(line) {
				limits = true
				continue
			}
			if strings.HasPrefix(trimmed, "requests") {
				limits = false
			}
			inline := strings.Contains(line, "{") || strings.HasPrefix(trimmed, "mem_limit")
			if memoryLimit.MatchString(line) && (limits || inline) {
				j.report.Add(gate.Finding{Rule: "explicit", Level: gate.Warning, File: m.name, Line: i + 1,
					Message: "the container has a memory limit and the program is not told: Go collects as if there were none until it is killed",
					Mend:    "set GOMEMLIMIT to about 80 % of it, or start with the library's memlimit"})
				break
			}
		}
	}
}
