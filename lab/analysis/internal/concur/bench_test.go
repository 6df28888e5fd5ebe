package concur

import (
	"path/filepath"
	"testing"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/search"
)

// BenchmarkKernel explores one kernel with two locks and one with channels, locks and timers, SSA form not included.
func BenchmarkKernel(b *testing.B) {
	dir := filepath.Join(goroot(b), "src/runtime/testdata/testgoroutineleakprofile/goker")
	for _, name := range []string{"cockroach10214", "etcd7492"} {
		b.Run(name, func(b *testing.B) {
			pkg, srcs, _ := buildSSA(b, []string{filepath.Join(dir, name+".go"), filepath.Join(dir, "main.go")})
			b.ReportAllocs()
			for b.Loop() {
				search.New(pkg, srcs, search.Limits{}).ExploreAll(search.Roots(srcs))
			}
		})
	}
}
