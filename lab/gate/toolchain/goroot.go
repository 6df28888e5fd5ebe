package toolchain

import (
	"os/exec"
	"strings"
	"sync"
)

// goRoot asks the go command where it lives; a program built with -trimpath does not know.
var goRoot = sync.OnceValue(func() string {
	output, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(output))
})
