package servers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// ErrNotToBeHad says that the modules of a server cannot be fetched here.
var ErrNotToBeHad = errors.New("servers: not to be had here")

// Collector starts an OpenTelemetry Collector that takes OTLP over HTTP, writes all it is sent in words to its Output, and hands logs
// on to an address of another server. hack is lab/e2e/hack, from whose module otelcol the first start on a machine builds it: two
// minutes of one core.
func Collector(ctx context.Context, hack, dir, logs string) (*Server, error) {
	program, err := build(ctx, filepath.Join(hack, "otelcol"), ".")
	if err != nil {
		return nil, err
	}
	return server{
		program: program,
		config: fmt.Sprintf(`receivers: {otlp: {protocols: {http: {endpoint: %s}}}}
exporters: {debug: {verbosity: detailed}, otlphttp: {logs_endpoint: %q, compression: none}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}, metrics: {receivers: [otlp], exporters: [debug]}, logs: {receivers: [otlp], exporters: [debug, otlphttp]}}
`, listen, logs),
		args: func(config, _ string) []string { return []string{"--config=" + config} },
	}.start(ctx, dir)
}

// VictoriaLogs starts a store of logs, which takes them by OTLP at /insert/opentelemetry/v1/logs and answers questions at
// /select/logsql/query. The first start on a machine builds it, from the module victorialogs there: half a minute of one core.
func VictoriaLogs(ctx context.Context, hack, dir string) (*Server, error) {
	program, err := build(ctx, filepath.Join(hack, "victorialogs"), "github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs")
	if err != nil {
		return nil, err
	}
	return server{
		program: program, ready: "/health",
		args: func(_, address string) []string {
			return []string{"-httpListenAddr=" + address, "-storageDataPath=" + filepath.Join(dir, "logs")}
		},
	}.start(ctx, dir)
}

// build returns the program of a package, as the module in a folder has it. What was built is kept under the user's cache until the
// module or Go changes.
func build(ctx context.Context, module, pkg string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("servers: %w", err)
	}
	key, err := keyOf(module)
	if err != nil {
		return "", err
	}
	program := filepath.Join(cache, "stability", "servers", key, filepath.Base(module))
	if _, err := os.Stat(program); !errors.Is(err, fs.ErrNotExist) {
		return program, err
	}
	part := fmt.Sprintf("%s.%d", program, os.Getpid())             // others may build it at the same time
	if err := run(ctx, module, "list", "-deps", pkg); err != nil { // it fetches what is compiled, and compiles nothing
		return "", fmt.Errorf("%w: %w", ErrNotToBeHad, err)
	}
	if err := run(ctx, module, "build", "-ldflags=-s -w", "-o", part, pkg); err != nil {
		return "", err
	}
	return program, os.Rename(part, program)
}

// run runs the go command in a module.
func run(ctx context.Context, module string, args ...string) error {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir, command.Env = module, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0")
	var words bytes.Buffer
	command.Stderr = &words
	if err := command.Run(); err != nil {
		return fmt.Errorf("servers: go %s of %s: %w\n%s", args[0], filepath.Base(module), err, &words)
	}
	return nil
}

// keyOf is a digest of all that decides what is built.
func keyOf(module string) (string, error) {
	files, err := filepath.Glob(filepath.Join(module, "*"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("servers: there is no module in %s (%v)", module, err)
	}
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("servers: %w", err)
		}
		fmt.Fprintln(h, filepath.Base(file), len(content))
		h.Write(content)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}
