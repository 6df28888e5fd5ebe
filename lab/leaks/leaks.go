// Package leaks is `stability leaks`: it reads goroutine dumps from wherever they are, and writes what goroutines.Compare makes of them for
// people.
package leaks

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability/evidence/goroutines"
)

// maxDump bounds what is read of a dump: a million goroutines in full take less.
const maxDump = 4 << 30

// Read reads a dump from a file, "-" for standard input, a bundle of evidence, or the address of a service's pprof, such as
// http://localhost:6060/debug/pprof/goroutine.
func Read(ctx context.Context, target string) (*goroutines.Dump, error) {
	from, err := open(ctx, target)
	if err != nil {
		return nil, fmt.Errorf("leaks: reading %s: %w", target, err)
	}
	defer from.Close()
	dump, err := goroutines.Parse(io.LimitReader(from, maxDump))
	if err != nil {
		return nil, fmt.Errorf("leaks: reading %s: %w", target, err)
	}
	return dump, nil
}

// IsURL reports whether a target is a service's address.
func IsURL(target string) bool {
	return strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://")
}

func open(ctx context.Context, target string) (io.ReadCloser, error) {
	switch {
	case target == "-":
		return io.NopCloser(os.Stdin), nil
	case IsURL(target):
		return fetch(ctx, target)
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		for _, name := range []string{goroutines.StacksFile, goroutines.ProfileFile} {
			if f, err := os.Open(filepath.Join(target, name)); err == nil {
				return f, nil
			}
		}
		return nil, fmt.Errorf("the folder has neither %s nor %s: it is no bundle with goroutines", goroutines.StacksFile, goroutines.ProfileFile)
	}
	return os.Open(target)
}

func fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("the service answers %s; the address is that of its pprof, such as http://localhost:6060/debug/pprof/goroutine", response.Status)
	}
	return response.Body, nil
}
