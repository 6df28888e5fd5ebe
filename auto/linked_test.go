package auto

import (
	"os/exec"
	"strings"
	"testing"
)

// What a service links by auto is for production: no reader of Go source, no tool, no fault, and none of the sick programs by which
// the causes are tried.
func TestLinksNothingOfTheTools(t *testing.T) {
	const ours = "github.com/falsifiable/stability/"
	out, err := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}} {{range .EmbedFiles}}{{.}} {{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	for line := range strings.Lines(string(out)) {
		path, embedded, _ := strings.Cut(strings.TrimSpace(line), " ")
		room, isOurs := strings.CutPrefix(path, ours)
		if strings.HasPrefix(path, "go/") && path != "go/token" { // which protobuf has for its list of keywords
			t.Errorf("it links %s", path)
		}
		if !isOurs {
			continue
		}
		own++
		for _, sealed := range []string{"lab/", "fault/", "stabilitytest", "internal/docgen", "internal/newcause"} {
			if strings.HasPrefix(room+"/", sealed) {
				t.Errorf("it links %s", path)
			}
		}
		if strings.Contains(embedded, ".txtar") || strings.Contains(embedded, ".go") {
			t.Errorf("%s carries %s", path, embedded)
		}
	}
	if own < 20 {
		t.Errorf("only %d packages of ours were seen", own)
	}
}
