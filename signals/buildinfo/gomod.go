package buildinfo

import (
	"runtime/debug"
	"strings"
)

// modFile is what a go.mod declares, as far as it matters here.
type modFile struct {
	require map[string]string // version by path
	direct  []string
	replace map[string]string // "PATH VERSION" or a directory, by "path" or "path version"
}

// parse reads a go.mod. The library may require no module, so it reads the few words itself; what it cannot read the go command
// could not either, and the program would not be.
func parse(text string) modFile {
	f := modFile{require: map[string]string{}, replace: map[string]string{}}
	block := ""
	for line := range strings.Lines(text) {
		line, comment, _ := strings.Cut(line, "//")
		words := strings.Fields(strings.ReplaceAll(line, `"`, ""))
		switch {
		case len(words) == 0:
		case words[0] == ")":
			block = ""
		case len(words) == 2 && words[1] == "(":
			block = words[0]
		case block != "":
			f.add(block, words, comment)
		default:
			f.add(words[0], words[1:], comment)
		}
	}
	return f
}

func (f *modFile) add(verb string, words []string, comment string) {
	switch {
	case verb == "require" && len(words) == 2:
		f.require[words[0]] = words[1]
		if !strings.HasPrefix(strings.TrimSpace(comment), "indirect") {
			f.direct = append(f.direct, words[0])
		}
	case verb == "replace":
		from, to, ok := strings.Cut(strings.Join(words, " "), " => ")
		if ok {
			f.replace[from] = to
		}
	}
}

// compare says how a module that is compiled in differs from what is declared, nil for not at all.
func (f *modFile) compare(m *debug.Module) *Drift {
	version, known := f.require[m.Path]
	declared, compiled := version, m.Version
	to, replaced := f.replace[m.Path+" "+version]
	if !replaced {
		to, replaced = f.replace[m.Path]
	}
	if replaced {
		declared = to
	}
	if m.Replace != nil {
		compiled = strings.TrimSpace(m.Replace.Path + " " + strings.TrimPrefix(m.Replace.Version, "(devel)"))
	}
	if known && declared == compiled {
		return nil
	}
	return &Drift{Module: m.Path, Declared: declared, Compiled: compiled}
}
