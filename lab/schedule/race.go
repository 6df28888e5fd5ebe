package schedule

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// access is one of the two accesses in a report of the race detector.
type access struct {
	kind    string // read, write, atomic write, ...
	address string
	place   string // the innermost one outside of the standard library
}

var accessLine = regexp.MustCompile(`^(?:Previous )?([Aa]tomic [a-z]+|[Rr]ead|[Ww]rite) at (0x[0-9a-f]+) by `)

// accesses reads a report's two accesses.
func accesses(text, goroot string) (all []access) {
	open := false // the lines belong to the last access, and its place may still get better
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := accessLine.FindStringSubmatch(line); m != nil {
			all = append(all, access{kind: strings.ToLower(m[1]), address: m[2], place: "?"})
			open = true
			continue
		}
		open = open && line != ""
		if !open || !strings.HasPrefix(line, "      ") {
			continue
		}
		place, _, _ := strings.Cut(strings.TrimSpace(line), " +0x")
		standard := isStandard(place, goroot)
		if a := &all[len(all)-1]; a.place == "?" || !standard {
			a.place, open = place, standard
		}
	}
	return all
}

// isStandard tells the standard library's files, also those of a build with -trimpath, from those of a module.
func isStandard(place, goroot string) bool {
	if filepath.IsAbs(place) {
		return strings.HasPrefix(place, goroot+"/src/")
	}
	first, _, _ := strings.Cut(place, "/")
	return !strings.Contains(first, ".")
}

// groupRaces makes findings of a run's reports: those on one variable are one, and those that have a place in common, which
// mostly are about several fields of one object.
func groupRaces(reports []string, goroot string) []Finding {
	sets := newGroups(len(reports))
	byKey := map[string]int{}
	all := make([][]access, len(reports))
	for i, text := range reports {
		all[i] = accesses(text, goroot)
		for _, a := range all[i] {
			for _, key := range []string{a.address, a.place} {
				if j, ok := byKey[key]; ok {
					sets.join(i, j)
				}
				byKey[key] = i
			}
		}
	}
	var found []Finding
	for _, members := range sets.members() {
		f := Finding{Level: Race, Text: reports[members[0]]}
		for _, i := range members {
			f.Pairs = union(f.Pairs, []string{pairOf(all[i])})
			f.Tests = union(f.Tests, testsIn(reports[i]))
			for _, a := range all[i] {
				f.keys = union(f.keys, []string{"race " + a.place})
			}
		}
		found = append(found, f)
	}
	return found
}

// pairOf names the two places, in an order that does not depend on who came first.
func pairOf(all []access) string {
	places := []string{}
	for _, a := range all {
		places = append(places, a.place)
	}
	slices.Sort(places)
	return strings.Join(places, " and ")
}

var testFunc = regexp.MustCompile(`\.((?:Test|Fuzz|Example)(?:[^a-z\s().][^\s().]*)?)(?:\.|\()`)

// testsIn returns the names of the tests that a text with stacks names.
func testsIn(text string) (tests []string) {
	for _, m := range testFunc.FindAllStringSubmatch(text, -1) {
		tests = union(tests, []string{m[1]})
	}
	return tests
}
