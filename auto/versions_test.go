package auto

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Versions of a year or two ago that services still have. The build with this OpenTelemetry broke once because of ours.
const oldVersions = `	github.com/prometheus/client_golang v1.20.5
	go.opentelemetry.io/otel v1.18.0
	go.opentelemetry.io/otel/sdk/metric v0.41.0
	golang.org/x/sync v0.7.0
	google.golang.org/protobuf v1.34.2
`

const oldService = `package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/falsifiable/stability/auto"
)

var _, _, _, _, _ = prometheus.NewRegistry, otel.Tracer, metric.NewMeterProvider, errgroup.WithContext, proto.Marshal

func main() { auto.Start(nil, auto.Config{}) }
`

// A service that takes auto in keeps the versions that it has.
func TestStartingMovesNoVersions(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mod := "module example.com/consumer\n\ngo 1.26\n\nrequire (\n" + oldVersions
	for _, name := range []string{"", "/auto", "/telemetry"} {
		mod += "\tgithub.com/falsifiable/stability" + name + " v0.0.0\n"
	}
	mod += ")\n"
	for _, name := range []string{"", "/auto", "/telemetry"} {
		mod += "\nreplace github.com/falsifiable/stability" + name + " => " + root + name + "\n"
	}
	for name, content := range map[string]string{"go.mod": mod, "main.go": oldService} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"mod", "tidy"}, {"build", "-o", os.DevNull, "."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	after, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(oldVersions) {
		if !strings.Contains(string(after), strings.TrimSpace(line)) {
			t.Errorf("it no longer has %s:\n%s", strings.TrimSpace(line), after)
		}
	}
}
