package experiment

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// The reference page has a row, with an example that is accepted, for every field.
func TestEveryFieldIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/falsify-yaml.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string][]string)
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) == 6 && strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			field := strings.Trim(cells[1], " `")
			rows[field] = append(rows[field], strings.Trim(cells[4], " `"))
		}
	}
	within := map[string]string{ // where a field's example stands
		"Experiment": "%", "Build": "build: {%}", "Load": "load: {%}", "Target": "load: {targets: [{%}]}", "Dependency": "dependencies: {d: {%}}", "Proof": "checks: {c: {%}}",
	}
	for _, sample := range []any{Experiment{}, Build{}, Load{}, Target{}, Dependency{}, Proof{}} {
		kind := reflect.TypeOf(sample)
		for name := range fieldsOf(kind) {
			if len(rows[name]) == 0 {
				t.Errorf("the page has no row for %s of %s", name, kind.Name())
				continue
			}
			accepted := false
			for _, example := range rows[name] {
				text := strings.ReplaceAll(within[kind.Name()], "%", example)
				_, err := Parse("page", []byte(text))
				accepted = accepted || err == nil || kind.Name() == "Dependency" && strings.Contains(err.Error(), "dependency \"d\"") ||
					strings.Contains(err.Error(), "there is no dependency") || strings.Contains(err.Error(), "no fault of its network")
			}
			if !accepted {
				t.Errorf("no example of %s of %s is accepted: %q", name, kind.Name(), rows[name])
			}
		}
	}
}
