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

func TestCommentsCiteWhatIsHere(t *testing.T) {
	files := 0
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
		}
		return err
	})
	if err != nil || files < 500 {
		t.Errorf("%d files were read: %v", files, err)
	}
}
