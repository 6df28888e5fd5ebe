package adopt

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// files plans the new files.
func (p *Plan) files(cfg Config) error {
	f := p.Found
	echo := slices.ContainsFunc(f.Serves, func(s site) bool { return s.kind == useEcho })
	gin := slices.ContainsFunc(f.Serves, func(s site) bool { return s.kind == runGin && strings.HasSuffix(s.text, ".Run()") })
	watch := watchSource(f, gin)
	for _, file := range []struct{ name, content string }{
		{filepath.Join(f.Module, watchPackage, "watch.go"), watch},
		{filepath.Join(f.Module, watchPackage, "echo.go"), echoSource(f, echo)},
		{filepath.Join(f.Main, "falsify.yaml"), experimentText(f)},
		{filepath.Join(f.root(), "stability.md"), documentText(f, watch)},
		{filepath.Join(f.root(), "deploy", "stability-rules.yaml"), rulesText(f)},
		{filepath.Join(f.root(), ciName(cfg.CI)), ciText(cfg.CI, f)},
	} {
		if file.content == "" {
			continue
		}
		if err := p.add(file.name, file.content); err != nil {
			return err
		}
	}
	return nil
}

func watchSource(f *Found, gin bool) string {
	ginAddress, imports := "", ""
	if gin {
		imports = "\n\t\"os\""
		ginAddress = `
// GinAddress is where gin's Run without an argument listens.
func GinAddress() string {
	if port := os.Getenv("PORT"); port != "" {
		return ":" + port
	}
	return ":8080"
}
`
	}
	return fmt.Sprintf(`// Package stabilitywatch watches this service by its stability contracts. stability init has written it; it is yours to edit.
package stabilitywatch

import (
	"context"
	"log/slog"
	"net/http"%s
	"sync/atomic"

	"github.com/falsifiable/stability/auto"
)

// The contract. Edit the thresholds, run go generate, and prove it anew: stability falsify.
//
//go:generate stability-contract --service=%s --thresholds='{"goroutines":2000}'

var watch atomic.Pointer[auto.Watch]

// Start begins the watch; what it returns ends it. A watch that cannot start is logged, and the service goes on without.
func Start() (stop func()) {
	w, err := auto.Start(context.Background(), auto.Config{Service: %q})
	if err != nil {
		slog.Error("stability: no watch", "reason", err)
		return func() {}
	}
	watch.Store(w)
	return w.Stop
}

// Middleware counts the requests of a handler.
func Middleware(next http.Handler) http.Handler {
	if w := watch.Load(); w != nil {
		return w.Middleware(next)
	}
	return next
}
%s`, imports, f.Name, f.Name, ginAddress)
}

func echoSource(f *Found, echo bool) string {
	if !echo {
		return ""
	}
	version := "v4"
	for _, s := range f.Serves {
		if s.kind == useEcho && strings.Contains(s.text, "echo/v5") {
			version = "v5"
		}
	}
	return fmt.Sprintf(`package stabilitywatch

import "github.com/labstack/echo/%s"

// Echo counts the requests of a router, and returns it.
func Echo(e *echo.Echo) *echo.Echo {
	e.Use(echo.WrapMiddleware(Middleware))
	return e
}
`, version)
}

// experimentText is the falsify.yaml.
func experimentText(f *Found) string {
	var b strings.Builder
	b.WriteString("# How stability falsify starts this service and drives it. stability init has written it from what it found; correct it.\n")
	switch {
	case len(f.AddressEnv) > 0:
		address := slices.DeleteFunc(slices.Clone(f.AddressEnv), func(name string) bool { return strings.Contains(name, "PORT") })
		if len(address) > 0 {
			fmt.Fprintf(&b, "address_env: [%s]\n", strings.Join(address, ", "))
		}
	case f.AddressFlag != "":
		value := "${address}"
		if strings.Contains(f.AddressFlag, "port") {
			value = "${port}"
		}
		fmt.Fprintf(&b, "args: [\"-%s=%s\"]\n", dashes(f)+f.AddressFlag, value)
	default:
		b.WriteString("# args: [\"-listen=${address}\"]   how does it take its address?\n")
	}
	var env []string
	for _, name := range f.AddressEnv {
		if strings.Contains(name, "PORT") && name != "PORT" {
			env = append(env, name+": \"${port}\"")
		}
	}
	for _, name := range f.Others { // any free port: several lives run side by side
		env = append(env, name+": \"127.0.0.1:0\"")
	}
	if len(env) > 0 {
		fmt.Fprintf(&b, "env: {%s}\n", strings.Join(env, ", "))
	}
	b.WriteString("load:\n  rate: 30\n" + targetsText(f))
	if env := dependencyEnv(f); len(env) > 0 {
		b.WriteString("# Each behind a proxy, so that its network can fail:\n# dependencies:\n")
		for _, name := range env {
			fmt.Fprintf(&b, "#   %s: {env: %s, upstream: \"127.0.0.1:PORT\"}\n", strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_URL"), "_ADDR"), "_DSN")), name)
		}
	}
	return b.String()
}

// targetsText are the kinds of requests. A service that speaks gRPC only tells itself what it offers.
func targetsText(f *Found) string {
	if f.onlyGRPC() {
		return "  # The methods are those that the server tells of: reflection.Register(server). To choose:\n" +
			"  # targets: [{grpc: package.Service/Method, body: '{\"id\": \"${random}\"}'}]\n"
	}
	targets := f.Routes[:min(len(f.Routes), 4)]
	if len(targets) == 0 {
		targets = []string{"/"}
	}
	text := "  targets:\n"
	for _, t := range targets {
		text += fmt.Sprintf("    - {method: GET, path: %q}\n", t)
	}
	return text
}

// dashes is what pflag and kingpin want before the one dash that flag takes.
func dashes(f *Found) string {
	if slices.Contains(f.Settings, "flags") && !slices.Contains(f.Settings, "cobra") && !slices.Contains(f.Settings, "pflag") {
		return ""
	}
	return "-"
}

func dependencyEnv(f *Found) []string {
	var names []string
	for _, name := range f.Env {
		upper := strings.ToUpper(name)
		if !slices.Contains(f.AddressEnv, name) && !slices.Contains(f.Others, name) && (strings.HasSuffix(upper, "_URL") || strings.HasSuffix(upper, "_ADDR") || strings.HasSuffix(upper, "_DSN")) {
			names = append(names, name)
		}
	}
	return names
}

func documentText(f *Found, watch string) string {
	line := 1 + strings.Count(watch[:strings.Index(watch, "//go:generate")], "\n")
	return fmt.Sprintf(`# Stability: %s is watched

A change to Go code brings this file up to date: stability gate review reads it.

## Dimensions

- goroutine-lifetime: the contract bounds their number; no goroutine of the service itself is new

## Contracts

- [goroutines](%s/watch.go#L%d)

## Experiment

`+"```yaml"+`
fault: goroutineleak
check: goroutines
within: 5m
recovery: {signal: go.goroutine.count, margin: 5%%, within: 2m}
`+"```"+`
`, f.Name, relTo(f.root(), filepath.Join(f.Module, watchPackage)), line)
}

func relTo(base, path string) string {
	relative, err := filepath.Rel(base, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(relative)
}

func rulesText(f *Found) string {
	return fmt.Sprintf(`# Prometheus rules for the contracts of %[1]s. A counter grows by one each time a check is violated, so its increase is
# compared with 0; a rate above 0.1 would be 360 violations an hour.
groups:
  - name: stability-%[1]s
    rules:
      - alert: StabilityContractViolated
        expr: increase(stability_contract_violation_total{service="%[1]s"}[10m]) > 0
        labels: {severity: warning}
        annotations:
          summary: "{{ $labels.contract }}/{{ $labels.check }} of {{ $labels.service }} is violated"
`, f.Name)
}

func ciName(ci string) string {
	return map[string]string{"github": ".github/workflows/stability.yml", "gitlab": ".gitlab/stability.yml"}[ci]
}

func ciText(ci string, f *Found) string {
	dir := "./" + relTo(f.root(), f.Main)
	watch := "./" + relTo(f.root(), filepath.Join(f.Module, watchPackage))
	steps := []string{
		"go install github.com/falsifiable/stability/lab/cmd/stability@latest",
		"stability gate modules", "stability gate toolchain", "stability gate review", "stability gate start " + dir, "stability gate contracts " + dir,
		"go test -run=TestStabilityContract -count=100 " + watch,
	}
	var b strings.Builder
	switch ci {
	case "github":
		b.WriteString("name: stability\non: [pull_request]\njobs:\n  gates:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n        with: {fetch-depth: 0}\n      - uses: actions/setup-go@v5\n        with: {go-version-file: " + relTo(f.root(), f.Module) + "/go.mod}\n")
		for _, s := range steps {
			fmt.Fprintf(&b, "      - run: %s\n", s)
		}
	case "gitlab":
		b.WriteString("# include this from .gitlab-ci.yml\nstability:\n  image: golang:1.26\n  variables: {GIT_DEPTH: \"0\"}\n  script:\n")
		for _, s := range steps {
			fmt.Fprintf(&b, "    - %s\n", s)
		}
	}
	return strings.ReplaceAll(b.String(), "./go.mod", "go.mod")
}
