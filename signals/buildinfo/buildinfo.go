// Package buildinfo reads what the program was built of: the modules that are compiled in, against those that go.mod
// declares (docs/guide/whitepaper.md §4.4).
//
// A go.mod that was reviewed says little of a program that was built in a workspace, with -mod=mod or with a replacement that
// somebody left in place. The program itself knows: the linker wrote it in. Embed go.mod beside main and give it to [New]:
//
//	//go:embed go.mod
//	var goMod string
//
//	auto.Config{Sources: []signals.Source{buildinfo.New(buildinfo.Config{GoMod: goMod})}}
//
// and a contract can say
//
//	build.module.drift{module="github.com/some/lib"} > 0
//	build.module.version{module="github.com/some/lib"} < 1002000
//
// What was built does not change while the program runs, so all is worked out once, in New.
package buildinfo

import (
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/falsifiable/stability/signals"
)

// Config says what the program should have been built of.
type Config struct {
	// GoMod is the text of the main module's go.mod. Without it nothing is declared, and there is no drift to be told:
	// the signals of drift have no readings.
	GoMod string
	// Modules are those that build.module.version tells. Defaults to those that GoMod requires directly.
	Modules []string
}

// Drift is a module that is compiled in otherwise than go.mod says.
type Drift struct {
	Module string
	// Declared and Compiled are a version each, or "PATH VERSION" of what takes the module's place. Declared is empty when
	// go.mod does not name the module.
	Declared, Compiled string
}

// Source reads the signals that [signals.Build] declares. Make one with [New]. It is not safe for concurrent use: a monitor
// samples each source from one goroutine at a time.
type Source struct {
	drifts   []Drift
	readings []reading
}

// reading is one sample, the same each time.
type reading struct {
	signal *signals.Signal
	labels signals.Labels
	value  float64
}

// New reads the build information of the running program. It never fails: a program that has none, as one that was not built with
// modules, has no readings.
func New(cfg Config) *Source {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return &Source{}
	}
	return compare(cfg, info, runtime.Version())
}

// compare works out all readings.
func compare(cfg Config, info *debug.BuildInfo, goVersion string) *Source {
	s := &Source{}
	if n, ok := number(strings.TrimPrefix(goVersion, "go")); ok {
		s.add(signals.Build.Go, n)
	}
	declared := parse(cfg.GoMod)
	wanted := cfg.Modules
	if wanted == nil {
		wanted = declared.direct
	}
	for _, m := range info.Deps {
		compiled := m
		if m.Replace != nil {
			compiled = m.Replace
		}
		if n, ok := number(strings.TrimPrefix(compiled.Version, "v")); ok && slices.Contains(wanted, m.Path) {
			s.add(signals.Build.Version, n, m.Path)
		}
		if cfg.GoMod == "" {
			continue
		}
		drift := 0.0
		if d := declared.compare(m); d != nil {
			drift = 1
			s.drifts = append(s.drifts, *d)
		}
		if drift > 0 || slices.Contains(wanted, m.Path) { // the others would only fill the label
			s.add(signals.Build.Drift, drift, m.Path)
		}
	}
	if cfg.GoMod != "" {
		s.add(signals.Build.Drifted, float64(len(s.drifts)))
	}
	return s
}

func (s *Source) add(signal *signals.Signal, value float64, module ...string) {
	r := reading{signal: signal, value: value}
	if len(module) > 0 {
		r.labels = signals.NewLabels("module", module[0])
	}
	s.readings = append(s.readings, r)
}

// Drifts returns the modules that are compiled in otherwise than go.mod says.
func (s *Source) Drifts() []Drift { return slices.Clone(s.drifts) }

// Describe returns [signals.Build].
func (s *Source) Describe() []*signals.Signal { return signals.Group(signals.Build) }

// Sample reads all signals. It allocates nothing.
func (s *Source) Sample(dst *signals.Batch) {
	for _, r := range s.readings {
		dst.AddInstance(r.signal, r.labels, r.value)
	}
}

// number writes a version as a number: 1.2.3 is 1002003. What follows a - or + does not count, and neither does an rc or
// beta of Go.
func number(version string) (float64, bool) {
	version, _, _ = strings.Cut(version, "-")
	version, _, _ = strings.Cut(version, "+")
	version, _, _ = strings.Cut(version, " ")
	parts := strings.Split(version, ".")
	total := 0.0
	for i := range 3 {
		total *= 1000
		if i >= len(parts) {
			continue
		}
		digits := parts[i][:len(parts[i])-len(strings.TrimLeft(parts[i], "0123456789"))]
		n, err := strconv.Atoi(digits)
		if err != nil || n > 999 {
			return 0, false
		}
		total += float64(n)
	}
	return total, true
}
