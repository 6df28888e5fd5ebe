package stability

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Comments cite what a reader can open: docs/guide/whitepaper.md by section, docs/guide/hazards.md by number. These are the
// names of documents that are not in the repository.
var elsewhere = regexp.MustCompile(`[Ee]rrat(um|a) E\d|\bhazard \d|\bdesign §|\b(demand|requirement)s? R\d|[^/.a-z]whitepaper §`)

// cited are the sections that a comment cites of docs/guide/whitepaper.md.
var (
	cited   = regexp.MustCompile(`whitepaper\.md( §\d(\.\d)?(,| and)?)+`)
	section = regexp.MustCompile(`§\d(\.\d)?`)
)

// headedSections are those that a heading of the page names, so that a reader finds them.
func headedSections(t *testing.T) map[string]bool {
	page, err := os.ReadFile("docs/guide/whitepaper.md")
	if err != nil {
		t.Fatal(err)
	}
	headed := make(map[string]bool)
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "## ") {
			for _, s := range section.FindAllString(line, -1) {
				headed[s] = true
			}
		}
	}
	return headed
}

func TestCommentsCiteWhatIsHere(t *testing.T) {
	files, headed := 0, headedSections(t)
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || name == "references_test.go" {
			return nil
		}
		files++
		content, err := os.ReadFile(name)
		for i, line := range strings.Split(string(content), "\n") {
			if found := elsewhere.FindString(line); found != "" {
				t.Errorf("%s:%d cites %q, which a reader cannot open; say the reason, or cite docs/guide", name, i+1, found)
			}
			for _, s := range section.FindAllString(cited.FindString(line), -1) {
				if !headed[s] {
					t.Errorf("%s:%d cites %s of docs/guide/whitepaper.md, which has no such heading", name, i+1, s)
				}
			}
		}
		return err
	})
	if err != nil || files < 500 {
		t.Errorf("%d files were read: %v", files, err)
	}
}
