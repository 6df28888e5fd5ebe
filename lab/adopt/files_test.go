package adopt

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/falsify/experiment"
)

// A service that speaks gRPC only is asked for its methods: targets of HTTP would keep falsify from it. Every generated file is
// one that falsify reads.
func TestExperimentOfGRPC(t *testing.T) {
	for name, tt := range map[string]struct {
		found   Found
		targets int
	}{
		"gRPC only":     {Found{Routers: []string{"gRPC"}, Serves: []site{{kind: unwatched}}}, 0},
		"gRPC and HTTP": {Found{Routers: []string{"gRPC"}, Serves: []site{{kind: unwatched}, {kind: wrapHandler}}}, 1},
		"many routes":   {Found{Routers: []string{"chi"}, Routes: []string{"/a", "/b", "/c", "/d", "/e"}}, 4},
	} {
		e, err := experiment.Parse(filepath.Join("x", experiment.FileName), []byte(experimentText(&tt.found)))
		if err != nil || len(e.Load.Targets) != tt.targets || e.Load.Rate != 30 {
			t.Errorf("%s: %v, %+v, want %d targets", name, err, e.Load, tt.targets)
		}
	}
	p := &Plan{Found: &Found{Routers: []string{"gRPC"}, Serves: []site{{kind: unwatched}}}}
	p.missing()
	if text := strings.Join(p.Missing, "\n"); !strings.Contains(text, "reflection.Register") || strings.Contains(text, "stabilitywatch.Middleware") {
		t.Errorf("missing is said to be:\n%s", text)
	}
}
