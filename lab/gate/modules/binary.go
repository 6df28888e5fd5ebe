package modules

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/falsifiable/stability/lab/gate"
)

// judgeBinary compares the modules that a program says it was built of with what its module resolves to.
func (j *judge) judgeBinary(_ context.Context, file, name string) error {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return fmt.Errorf("gate modules: reading what %s was built of: %w", file, err)
	}
	j.report.Count("binary", 1)
	at := slices.IndexFunc(j.mods, func(m *mod) bool { return m.file.Module != nil && m.file.Module.Mod.Path == info.Main.Path })
	if at < 0 {
		j.report.Add(gate.Finding{Rule: "binary", Level: gate.Error, File: name, Message: fmt.Sprintf("it was built of module %s, which is not in this repository", info.Main.Path)})
		return nil
	}
	m := j.mods[at]
	if m.resolved == nil {
		j.report.Gap(true, name, "%s could not be resolved", m.name)
		return nil
	}
	for _, wrong := range compareBuild(info, m.resolved) {
		j.report.Add(gate.Finding{Rule: "binary", Level: gate.Error, File: name, Message: wrong,
			Mend: "build it anew without go.work and with -mod=readonly, or correct " + m.name})
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.modified" && s.Value == "true" {
			j.report.Add(gate.Finding{Rule: "binary", Level: gate.Warning, File: name, Message: "it was built of a tree with changes that were not committed"})
		}
	}
	return nil
}

// compareBuild says for each module of a build how it differs from what was resolved.
func compareBuild(info *debug.BuildInfo, resolved map[string]*listed) []string {
	var wrong []string
	for _, d := range info.Deps {
		want := resolved[d.Path]
		if want == nil {
			wrong = append(wrong, fmt.Sprintf("%s %s is compiled in and is in no requirement", d.Path, d.Version))
			continue
		}
		built, asked := spell(d.Path, d.Version, d.Replace), ""
		if want.Replace != nil {
			asked = spell(want.Path, want.Version, &debug.Module{Path: want.Replace.Path, Version: want.Replace.Version})
		} else {
			asked = spell(want.Path, want.Version, nil)
		}
		if built != asked && !want.Main {
			wrong = append(wrong, fmt.Sprintf("%s is compiled in, go.mod resolves to %s", built, asked))
		}
	}
	return wrong
}

// spell writes a module as the go command does. A build writes (devel) where a directory has no version.
func spell(path, version string, replace *debug.Module) string {
	if replace == nil {
		return path + " " + version
	}
	return path + " " + version + " => " + strings.TrimSpace(replace.Path+" "+strings.TrimPrefix(replace.Version, "(devel)"))
}
