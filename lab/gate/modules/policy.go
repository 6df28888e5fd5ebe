package modules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/falsifiable/stability/lab/gate"
)

// PolicyName is the policy file, at the root of the repository. Without one the defaults hold.
const PolicyName = "stability-modules.yaml"

// Policy says what is allowed. The zero Policy is the default one.
type Policy struct {
	// Drift is the largest step by which a change may raise the resolved version of a module: "none", "patch", "minor" (the
	// default) or "major".
	Drift string `yaml:"drift"`
	// Unstable says what to do when a change moves a module from a released version to a pre-release or a
	// pseudo-version: "allow", "warn" or "deny" (the default).
	Unstable string `yaml:"unstable"`
	// Workspace says what to do when go.work resolves a module to another version than the go.mod that is released
	// with: "allow", "warn" (the default) or "deny".
	Workspace string `yaml:"workspace"`
	// API says what to do when a raised dependency broke the API of a package that is imported here without a new major
	// version: "allow", "warn" or "deny" (the default).
	API string `yaml:"api"`
	// Replace lists the replacements by other modules or versions that are wanted.
	Replace []Replacement `yaml:"replace"`
	// Versions bounds the resolved versions of modules, by path.
	Versions map[string]Bounds `yaml:"versions"`
	// Private are patterns, as of GOPRIVATE, of modules that no public checksum database knows.
	Private []string `yaml:"private"`
}

// Replacement is a replacement that is wanted.
type Replacement struct {
	Module string `yaml:"module"`
	To     string `yaml:"to"` // path, or path@version
	Reason string `yaml:"reason"`
}

// Bounds are which versions of a module are wanted.
type Bounds struct {
	// Minor keeps the version in a minor series, from this version on: 1.2.0 allows v1.2.7 but neither v1.1.9 nor v1.3.0.
	Minor string `yaml:"minor"`
	// Min is the lowest version that is allowed; Below is the lowest that is not allowed any more.
	Min   string `yaml:"min"`
	Below string `yaml:"below"`
	// Bad are versions known to be bad.
	Bad    []string `yaml:"bad"`
	Reason string   `yaml:"reason"`
}

// ReadPolicy reads the policy of a repository, or the file if one is named.
func ReadPolicy(root, file string) (Policy, error) {
	var p Policy
	named := file != ""
	if !named {
		file = filepath.Join(root, PolicyName)
	}
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return p.withDefaults(), nil
	}
	if err != nil {
		return p, fmt.Errorf("gate modules: reading the policy: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return p, fmt.Errorf("gate modules: reading %s: %w; its fields are drift, unstable, workspace, api, replace, versions, private", file, err)
	}
	if err := p.validate(); err != nil {
		return p, fmt.Errorf("gate modules: %s: %w", file, err)
	}
	return p.withDefaults(), nil
}

func (p Policy) withDefaults() Policy {
	set := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	set(&p.Drift, "minor")
	set(&p.Unstable, "deny")
	set(&p.Workspace, "warn")
	set(&p.API, "deny")
	return p
}

func (p Policy) validate() error {
	for _, c := range []struct {
		field, value string
		known        []string
	}{
		{"drift", p.Drift, []string{"none", "patch", "minor", "major"}},
		{"unstable", p.Unstable, []string{"allow", "warn", "deny"}},
		{"workspace", p.Workspace, []string{"allow", "warn", "deny"}},
		{"api", p.API, []string{"allow", "warn", "deny"}},
	} {
		if c.value != "" && !slices.Contains(c.known, c.value) {
			return fmt.Errorf("%s: %q is none of %s", c.field, c.value, strings.Join(c.known, ", "))
		}
	}
	for i, r := range p.Replace {
		if r.Module == "" || r.To == "" || r.Reason == "" {
			return fmt.Errorf("replace: entry %d needs module, to and reason: who comes later has to know why", i+1)
		}
	}
	for path, b := range p.Versions {
		if b.Minor == "" && b.Min == "" && b.Below == "" && len(b.Bad) == 0 {
			return fmt.Errorf("versions: %s: give minor, min, below or bad", path)
		}
		for _, v := range append([]string{b.Minor, b.Min, b.Below}, b.Bad...) {
			if v != "" && Version(v) == "" {
				return fmt.Errorf("versions: %s: %q is not a version such as v1.2.0", path, v)
			}
		}
	}
	return nil
}

// level is what a word of the policy makes of a finding, "" for none.
func level(word string) gate.Level {
	return map[string]gate.Level{"deny": gate.Error, "warn": gate.Warning}[word]
}

// Version returns a version as the go command writes it: 1.2.0 is v1.2.0. It returns "" for what is no version.
func Version(v string) string {
	if !strings.HasPrefix(v, "v") {
		v = "v" + v
	}
	if !semver.IsValid(v) {
		return ""
	}
	return semver.Canonical(v) + semver.Build(v)
}

// Judge says what is wrong with a resolved version, "" for nothing.
func (b Bounds) Judge(resolved string) string {
	why := ""
	if b.Reason != "" {
		why = " (" + b.Reason + ")"
	}
	for _, bad := range b.Bad {
		if semver.Compare(Version(bad), resolved) == 0 {
			return "is known to be bad" + why
		}
	}
	if b.Minor != "" {
		want := Version(b.Minor)
		if semver.MajorMinor(resolved) != semver.MajorMinor(want) {
			return fmt.Sprintf("is outside of the minor series %s%s", semver.MajorMinor(want), why)
		}
		if semver.Compare(resolved, want) < 0 {
			return fmt.Sprintf("is below %s%s", want, why)
		}
	}
	if b.Min != "" && semver.Compare(resolved, Version(b.Min)) < 0 {
		return fmt.Sprintf("is below %s%s", Version(b.Min), why)
	}
	// v2.0.0-rc.1 comes before v2.0.0 and is what "below v2" wants to keep out.
	if below := Version(b.Below); b.Below != "" && semver.Compare(release(resolved), below) >= 0 {
		return fmt.Sprintf("is not below %s%s", below, why)
	}
	return ""
}

// release is a version without its pre-release part. Of a pseudo-version it is the release that it was made from: a
// pseudo-version is only written like a pre-release of the next one.
func release(v string) string {
	if module.IsPseudoVersion(v) {
		return v
	}
	return strings.TrimSuffix(strings.TrimSuffix(v, semver.Build(v)), semver.Prerelease(v))
}

// allows reports whether a replacement is wanted.
func (p Policy) allows(path, to, version string) bool {
	return slices.ContainsFunc(p.Replace, func(r Replacement) bool {
		return r.Module == path && (r.To == to || r.To == to+"@"+version)
	})
}

// Steps between two versions, from none to major.
const (
	stepNone = iota
	stepPatch
	stepMinor
	stepMajor
)

// step is how far apart two versions are.
func step(from, to string) int {
	switch {
	case semver.Compare(from, to) == 0:
		return stepNone
	case semver.Major(from) != semver.Major(to):
		return stepMajor
	case semver.MajorMinor(from) != semver.MajorMinor(to):
		return stepMinor
	}
	return stepPatch
}

func (p Policy) largestStep() int {
	return map[string]int{"none": stepNone, "patch": stepPatch, "minor": stepMinor, "major": stepMajor}[p.Drift]
}

// unstable reports whether a version is a pre-release or a pseudo-version. +incompatible is neither.
func unstable(v string) bool { return semver.Prerelease(v) != "" }
