package modules

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/module"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/repo"
)

// goEnv is what of go env decides which code is compiled, and whether anybody checks it.
type goEnv struct {
	GOMODCACHE, GOFLAGS, GOPROXY, GOSUMDB, GONOSUMDB, GOPRIVATE, GONOPROXY, GOINSECURE, GOVERSION string
}

func (j *judge) readEnv(ctx context.Context) error {
	output, err := repo.Go(ctx, j.repo.Root, nil, "env", "-json")
	if err != nil {
		return fmt.Errorf("gate modules: %w", err)
	}
	if err := json.Unmarshal(output, &j.env); err != nil {
		return fmt.Errorf("gate modules: reading go env: %w", err)
	}
	j.alone = alone(j.env)
	return nil
}

// judgeEnv judges the environment that the gate itself runs in: in CI, the one that is built in.
func (j *judge) judgeEnv() {
	e := j.env
	for _, s := range []struct{ name, value string }{
		{"GOFLAGS", e.GOFLAGS}, {"GOSUMDB", e.GOSUMDB}, {"GOPROXY", e.GOPROXY}, {"GOINSECURE", e.GOINSECURE},
		{"GONOSUMDB", e.GONOSUMDB},
	} {
		if wrong, mend := judgeSetting(s.name, s.value); wrong != "" {
			j.report.Add(gate.Finding{Rule: "environment", Level: gate.Error, Message: s.name + "=" + s.value + ": " + wrong, Mend: mend})
		}
	}
	for _, m := range j.mods {
		for _, q := range m.file.Require {
			p := q.Mod.Path
			if module.MatchPrefixPatterns(e.GONOSUMDB, p) && isPublic(p) && !module.MatchPrefixPatterns(strings.Join(j.policy.Private, ","), p) {
				j.report.Add(gate.Finding{Rule: "environment", Level: gate.Error,
					Message: fmt.Sprintf("GONOSUMDB=%s: %s is a public module, and nobody checks it against the checksum database", e.GONOSUMDB, p),
					Mend:    "name private modules only, or list it under private in " + PolicyName})
			}
		}
	}
}

// isPublic reports whether a module is certainly a public one: those of Go itself, and of names that only redirect.
func isPublic(p string) bool {
	for _, prefix := range []string{"golang.org/x/", "google.golang.org/", "go.uber.org/", "k8s.io/", "gopkg.in/", "cloud.google.com/"} {
		if strings.HasPrefix(p, prefix) {
			return true
		}
	}
	return false
}

// judgeSetting says what is wrong with one variable of the go command, "" for nothing.
func judgeSetting(name, value string) (wrong, mend string) {
	switch name {
	case "GOFLAGS":
		for flag := range strings.FieldsSeq(value) {
			if flag == "-mod=mod" || flag == "--mod=mod" {
				return "a build may rewrite go.mod and compile what nobody has reviewed", "take it out: -mod=readonly is the default"
			}
			if flag == "-insecure" {
				return "modules come unchecked", "take it out"
			}
		}
	case "GOSUMDB":
		if value == "off" {
			return "no new module is checked against the checksum database", "unset it, and name private modules in GOPRIVATE"
		}
	case "GONOSUMDB", "GONOSUMCHECK", "GOPRIVATE":
		if value == "*" || value == "*.*" || value == "1" && name == "GONOSUMCHECK" || value == "**" {
			return "it exempts every module from the checksum database", "name private modules only"
		}
		if name == "GOPRIVATE" || name == "GONOSUMDB" {
			for pattern := range strings.SplitSeq(value, ",") {
				if pattern == "github.com" || pattern == "github.com/*" || pattern == "golang.org" || pattern == "*.com" || pattern == "*.org" {
					return fmt.Sprintf("%s takes a whole host of public modules from the checksum database", pattern), "name your own organization only, as github.com/acme"
				}
			}
		}
	case "GOPROXY":
		if first, _, _ := strings.Cut(strings.ReplaceAll(value, "|", ","), ","); first == "direct" {
			return "modules come from wherever their authors host them: one that was deleted or moved breaks the build", "put a proxy first, as the default does: https://proxy.golang.org,direct"
		}
	case "GOINSECURE":
		if value == "*" {
			return "every module may come over plain HTTP", "name hosts of your own only"
		}
	}
	return "", ""
}

// settings matches a variable of the go command that is set in a script: NAME=value, NAME: value, ENV NAME value, -e NAME=value.
var settings = regexp.MustCompile(`\b(GOFLAGS|GOSUMDB|GONOSUMDB|GONOSUMCHECK|GOPRIVATE|GOPROXY|GOINSECURE)\b\s*(?:[:?]?=|:\s|\s)\s*("[^"]*"|'[^']*'|[^\s;&|]+)`)

// upgrades matches a command that raises versions as it goes. Tools installed at a version are none.
var upgrades = regexp.MustCompile(`\bgo get (-[a-z=]+ )*-u\b`)

// isScript reports whether a file decides how the program is built.
func isScript(file string) bool {
	base := strings.ToLower(path.Base(file))
	switch {
	case strings.HasPrefix(file, ".github/workflows/"), strings.HasPrefix(file, ".circleci/"), strings.HasPrefix(file, ".ci/"), strings.HasPrefix(file, ".buildkite/"), strings.HasPrefix(file, ".woodpecker"):
		return true
	case base == ".gitlab-ci.yml", base == ".travis.yml", base == "jenkinsfile", base == "azure-pipelines.yml", base == ".drone.yml":
		return true
	}
	return base == "dockerfile" || strings.HasPrefix(base, "dockerfile.") || strings.HasSuffix(base, ".dockerfile") || base == "containerfile"
}

// judgeScripts looks into the files that decide how the program is built in CI and in images.
func (j *judge) judgeScripts() error {
	files := 0
	err := filepath.WalkDir(j.repo.Root, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && p != j.repo.Root && (name == "vendor" || name == "testdata" || name == "node_modules" || name == ".git") {
			return filepath.SkipDir
		}
		file := j.repo.Rel(p)
		if !entry.Type().IsRegular() || !isScript(file) {
			return nil
		}
		content, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		files++
		judgeScript(j.report, file, string(content))
		return nil
	})
	if err != nil {
		return fmt.Errorf("gate modules: reading build scripts: %w", err)
	}
	j.report.Count("build script", files)
	return nil
}

func judgeScript(r *gate.Report, file, content string) {
	for i, line := range strings.Split(content, "\n") {
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "#") || strings.Contains(line, "stability:allow") {
			continue
		}
		for _, match := range settings.FindAllStringSubmatch(line, -1) {
			value := strings.Trim(match[2], `"'`)
			if wrong, mend := judgeSetting(match[1], value); wrong != "" {
				r.Add(gate.Finding{Rule: "environment", Level: gate.Error, File: file, Line: i + 1, Message: match[1] + "=" + value + ": " + wrong, Mend: mend})
			}
		}
		if at := upgrades.FindStringIndex(line); at != nil {
			r.Add(gate.Finding{Rule: "environment", Level: gate.Error, File: file, Line: i + 1, Column: at[0] + 1,
				Message: "go get -u raises versions while it builds: two builds of one commit differ", Mend: "raise versions in a change of their own, and build what go.mod says"})
		}
	}
}
