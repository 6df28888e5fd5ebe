package stability

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// guideTable returns the cells of the table of CONTRIBUTING.md that has this header.
func guideTable(t *testing.T, header string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n"+header+"\n")
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			break
		}
		if cells := strings.Split(strings.Trim(line, "|"), "|"); !strings.HasPrefix(line, "|---") {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	if !found || len(rows) < 10 {
		t.Fatalf("CONTRIBUTING.md: %d rows below %q", len(rows), header)
	}
	return rows
}

const (
	pathTable  = "| you want to | open |"
	wordTable  = "| word | is | not |"
	typesTable = "| word | type | is |"
)

var (
	quoted     = regexp.MustCompile("`([^`]+)`")
	identifier = regexp.MustCompile(`^[a-z]+\.[A-Z]`)
)

func quotedIn(cell string) (all []string) {
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	return all
}

// Whoever wants to change something finds the room of it: each folder of the top level with Go code is named, and what is named is
// there.
func TestFindYourWayNamesEachRoom(t *testing.T) {
	named := make(map[string]bool)
	for _, row := range guideTable(t, pathTable) {
		for _, where := range quotedIn(row[1]) {
			named[top(where)] = true
			if strings.ContainsAny(where, " <") || identifier.MatchString(where) { // a command, a folder of one's own, a type
				continue
			}
			if there, err := filepath.Glob(where); err != nil || len(there) == 0 {
				t.Errorf("CONTRIBUTING.md leads to %s, which is not there", where)
			}
		}
	}
	rooms := make(map[string]bool)
	eachFile(t, func(file string, _ []string) { rooms[top(file)] = strings.Contains(file, "/") })
	for room, folder := range rooms {
		if folder && !named[room] {
			t.Errorf("CONTRIBUTING.md leads nobody to %s", room)
		}
	}
	if len(rooms) < 15 {
		t.Errorf("only %d rooms were seen", len(rooms))
	}
}

// declarations are the names that the code declares.
type declarations struct {
	exported map[string][]string // where exported types are declared, "signals.Unit" under "unit"
	any      map[string]bool     // types, fields and packages, in lower case
}

func readDeclarations(t *testing.T) *declarations {
	t.Helper()
	d := &declarations{make(map[string][]string), make(map[string]bool)}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"testdata", ".git", "bin", "node_modules"}, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir():
			d.any[entry.Name()] = true
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			d.file(path.Dir(filepath.ToSlash(name)), file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *declarations) file(dir string, file *ast.File) {
	if dir == "." {
		dir = "stability"
	}
	for _, decl := range file.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			if s, ok := spec.(*ast.TypeSpec); ok {
				d.typeSpec(dir, s)
			}
		}
	}
}

func (d *declarations) typeSpec(dir string, s *ast.TypeSpec) {
	word := strings.ToLower(s.Name.Name)
	d.any[word] = true
	if unicode.IsUpper([]rune(s.Name.Name)[0]) {
		d.exported[word] = append(d.exported[word], dir+"."+s.Name.Name)
	}
	if fields, ok := s.Type.(*ast.StructType); ok {
		for _, f := range fields.Fields.List {
			for _, name := range f.Names {
				d.any[strings.ToLower(name.Name)] = true
			}
		}
	}
}

// TestGlossary holds the tables of words against the code: each word is declared as a type, a field or a folder, and the exported
// types that have it as their name are those that the second table lists. Whether they mean what it says is for people.
func TestGlossary(t *testing.T) {
	listed := make(map[string][]string) // by word; * stands for one folder
	word := ""
	for _, row := range guideTable(t, typesTable) {
		if row[0] != "" {
			word = row[0]
		}
		listed[word] = append(listed[word], quotedIn(row[1])...)
	}
	words := make(map[string]bool)
	for _, row := range guideTable(t, wordTable) {
		for w := range strings.SplitSeq(row[0], ",") {
			words[strings.TrimSpace(w)] = true
		}
	}
	d := readDeclarations(t)
	for w := range words {
		if !d.any[w] {
			t.Errorf("nothing is called %q: no type, no field, no folder", w)
		}
	}
	for w := range listed {
		words[w] = true
	}
	for w := range words {
		for _, complaint := range d.judge(w, listed[w]) {
			t.Error(complaint)
		}
	}
	if added := append(listed["unit"][1:], "nowhere.Unit"); len(d.judge("unit", added)) != 2 {
		t.Error("a type that is not listed, and one that is not declared, are not seen")
	}
}

// judge says which exported types of that name are not listed, and which of those listed do not exist.
func (d *declarations) judge(word string, listed []string) (complaints []string) {
	met := make(map[string]bool)
	for _, declared := range d.exported[word] {
		i := slices.IndexFunc(listed, func(pattern string) bool {
			ok, err := path.Match(pattern, declared)
			return ok && err == nil
		})
		if i < 0 {
			complaints = append(complaints, "the exported type "+declared+" is not in CONTRIBUTING.md: if it is the idea of that word, add it; if not, find another word")
			continue
		}
		met[listed[i]] = true
	}
	for _, pattern := range listed {
		if !met[pattern] {
			complaints = append(complaints, "CONTRIBUTING.md lists "+pattern+", which nothing declares")
		}
	}
	return complaints
}
