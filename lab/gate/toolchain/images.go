package toolchain

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/falsifiable/stability/internal/suggest"
	"github.com/falsifiable/stability/lab/gate"
)

var (
	fromGolang = regexp.MustCompile(`(?i)^\s*FROM\s+(?:--\S+\s+)*(?:\S*/)?golang:(\S+)`)
	// takesSource matches a line that brings the repository's own source into an image.
	takesSource = regexp.MustCompile(`(?i)^\s*(COPY|ADD)\s+(--\S+\s+)*(\./?\s|\S*go\.(mod|\*)|\S+\.go\s|\S*(cmd|src|pkg|internal))|--mount=type=bind`)

	argument  = regexp.MustCompile(`(?i)^\s*ARG\s+([A-Za-z_]\w*)=["']?([^"'\s]+)`)
	ciVersion = regexp.MustCompile(`^\s*-?\s*go-version\s*:\s*["']?([^"'\s#]+)`)
	gitlabGo  = regexp.MustCompile(`^\s*image\s*:\s*["']?(?:\S*/)?golang:([^"'\s#]+)`)
)

// images judges the Go version that images and workflows build with. An image of golang does not fetch another toolchain:
// one that is older than the go line does not build at all, and one without a version builds with another each month.
func (j *judge) images() {
	for _, m := range j.manifests {
		args := map[string]string{}
		docker := isDockerfile(filepath.Base(m.name))
		if docker && !slices.ContainsFunc(m.lines, takesSource.MatchString) {
			continue // it builds something else, as tools for tests
		}
		for i, line := range m.lines {
			if match := argument.FindStringSubmatch(line); match != nil && docker {
				args[match[1]] = match[2]
			}
			pattern := ciVersion
			if docker {
				pattern = fromGolang
			} else if strings.HasPrefix(filepath.Base(m.name), ".gitlab-ci") {
				pattern = gitlabGo
			}
			match := pattern.FindStringSubmatch(line)
			if match == nil {
				continue
			}
			version := os.Expand(match[1], func(name string) string { return args[name] })
			j.image(m.name, i+1, version, pattern != ciVersion)
		}
	}
}

func (j *judge) image(file string, line int, version string, image bool) {
	j.report.Count("build version", 1)
	f := gate.Finding{Rule: "image", File: file, Line: line}
	minor := minorOf(version)
	switch {
	case minor == 0 && image && (version == "latest" || strings.HasPrefix(version, "alpine") || strings.HasPrefix(version, "bookworm") || strings.HasPrefix(version, "1-") || version == "1"):
		f.Level, f.Message, f.Mend = gate.Warning, fmt.Sprintf("golang:%s is another Go each month: two builds of one commit differ", version), fmt.Sprintf("name one, as golang:1.%d", j.lowest)
	case minor == 0 || minor >= j.lowest:
		return
	case image:
		f.Level, f.Message = gate.Error, fmt.Sprintf("golang:%s is older than Go 1.%d, which go.mod asks for, and fetches no other: it does not build", version, j.lowest)
		f.Mend = fmt.Sprintf("golang:1.%d", j.lowest)
	default:
		f.Level, f.Message = gate.Warning, fmt.Sprintf("Go %s is older than Go 1.%d, which go.mod asks for: another one is fetched at each run", version, j.lowest)
		f.Mend = "go-version-file: go.mod"
	}
	j.report.Add(f)
}

// settingName matches a setting in the toolchain's own table.
var settingName = regexp.MustCompile(`Name: "([a-z0-9]+)"`)

// runtimeSettings are those that the runtime reads itself and that are not in that table.
var runtimeSettings = []string{
	"adaptivestackstart", "allocfreetrace", "asyncpreemptoff", "cgocheck", "checkfinalizers", "clobberfree", "dataindependenttiming", "disablethp", "dontfreezetheworld",
	"efence", "gccheckmark", "gcpacertrace", "gcshrinkstackoff", "gcstoptheworld", "gctrace", "harddecommit", "inittrace", "invalidptr", "madvdontneed",
	"panicnil", "profstackdepth", "runtimecontentionstacks", "sbrk", "scavtrace", "scheddetail", "schedtrace", "traceallocfree", "traceadvanceperiod",
	"tracebackancestors", "tracebacklabels", "tracecheckstackownership", "tracefpunwindoff", "netdns", "http2client", "http2server", "http2debug", "cpu",
}

// godebug looks for settings that no Go knows: the runtime says nothing and does nothing.
func (j *judge) godebug() {
	known := slices.Concat(runtimeSettings, toolchainSettings())
	for _, m := range j.manifests {
		for i, line := range m.lines {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			for _, match := range goDebug.FindAllStringSubmatch(line, -1) {
				for setting := range strings.SplitSeq(match[1], ",") {
					name, _, _ := strings.Cut(setting, "=")
					if slices.Contains(known, name) || strings.HasPrefix(name, "cpu.") {
						continue
					}
					f := gate.Finding{Rule: "godebug", Level: gate.Error, File: m.name, Line: i + 1,
						Message: fmt.Sprintf("GODEBUG=%s: Go %s has no such setting and says nothing about it", setting, strings.TrimPrefix(runtime.Version(), "go")), Mend: "take it out"}
					if near := suggest.Nearest(name, known); near != "" {
						f.Mend = "did you mean " + near + "?"
					}
					j.report.Add(f)
				}
			}
		}
	}
}

// toolchainSettings returns the settings of the Go that the gate was built with, from that Go's own source where it is, and
// else those that this package knows.
func toolchainSettings() []string {
	var names []string
	content, err := os.ReadFile(filepath.Join(goRoot(), "src", "internal", "godebugs", "table.go"))
	if err == nil {
		for _, match := range settingName.FindAllStringSubmatch(string(content), -1) {
			names = append(names, match[1])
		}
	}
	for _, r := range table() {
		names = append(names, r.id)
	}
	for name := range unseen {
		names = append(names, name)
	}
	return append(names, "execerrdot", "fips140", "installgoroot", "jstmpllitinterp", "multipartmaxheaders", "multipartmaxparts", "netdns", "tarinsecurepath",
		"tlsmaxrsasize", "x509usefallbackroots", "zipinsecurepath", "gocachehash", "gocachetest", "gocacheverify", "embedfollowsymlinks", "allowmultiplevcs")
}
