package vet

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"os"

	"golang.org/x/tools/go/gcexportdata"

	"github.com/falsifiable/stability/lab/analysis/internal/stdlib"
)

// unit is the package that go vet calls its tool for; the names are those of its file. Most units are packages of the
// standard library of which only facts are wanted, and about most of these the suite has none. Then what importers need
// are types: they are had without a look into any function, in half of the time that unitchecker would take.
type unit struct {
	ImportPath, ModulePath string
	GoFiles                []string
	GoVersion              string
	ImportMap              map[string]string // from the path in the source to that of the package
	PackageVetx            map[string]string // where the units of the imports left theirs
	VetxOnly               bool
	VetxOutput             string
}

// readUnit returns nil for what is no unit: unitchecker knows what to say of it.
func readUnit(file string) *unit {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	u := new(unit)
	if json.Unmarshal(data, u) != nil {
		return nil
	}
	return u
}

// factless tells whether facts of the unit are all that is wanted, and there can be none.
func (u *unit) factless() bool {
	return u.VetxOnly && stdlib.Contains(u.ModulePath, u.ImportPath) && !stdlib.HasFacts(u.ImportPath)
}

// exportTypes type-checks the declarations of the unit and writes their types where units that import it look for them.
func (u *unit) exportTypes() error {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range u.GoFiles {
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	config := types.Config{
		IgnoreFuncBodies: true, GoVersion: u.GoVersion, Sizes: types.SizesFor("gc", build.Default.GOARCH),
		Importer: &importer{u, fset, make(map[string]*types.Package)},
	}
	pkg, err := config.Check(u.ImportPath, fset, files, nil)
	if err != nil {
		return err
	}
	var exported bytes.Buffer
	if err := gcexportdata.Write(&exported, fset, pkg); err != nil {
		return err
	}
	return os.WriteFile(u.VetxOutput, vetx(exported.Bytes()), 0o666)
}

// importer imports packages from what their units have left.
type importer struct {
	unit *unit
	fset *token.FileSet
	done map[string]*types.Package
}

func (i *importer) Import(path string) (*types.Package, error) {
	path, ok := i.unit.ImportMap[path]
	if !ok {
		return nil, fmt.Errorf("vet: %s imports what go vet does not tell of", i.unit.ImportPath)
	}
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if pkg := i.done[path]; pkg != nil && pkg.Complete() {
		return pkg, nil
	}
	left, err := os.ReadFile(i.unit.PackageVetx[path])
	if err != nil {
		return nil, err
	}
	exported, err := exportData(left)
	if err != nil {
		return nil, fmt.Errorf("vet: %s: %w", path, err)
	}
	return gcexportdata.Read(bytes.NewReader(exported), i.fset, i.done, path)
}

// The files of unitchecker begin with a word and the lengths of the export data and of the facts, which follow. The
// export data is that of gcexportdata without the first byte, which names its format. Nothing but the same program reads
// them: go vet keeps them by its hash.
const (
	vetxMagic  = "vetx"
	vetxHeader = len(vetxMagic) + 4 + 4
	indexed    = 'i'
)

// vetx returns a file of export data and no facts.
func vetx(exported []byte) []byte {
	types := exported[1:]
	file := binary.LittleEndian.AppendUint32([]byte(vetxMagic), uint32(len(types)))
	file = binary.LittleEndian.AppendUint32(file, 0)
	return append(file, types...)
}

// exportData returns the export data in such a file.
func exportData(file []byte) ([]byte, error) {
	if len(file) < vetxHeader || string(file[:len(vetxMagic)]) != vetxMagic {
		return nil, fmt.Errorf("not the file of a unit")
	}
	n := binary.LittleEndian.Uint32(file[len(vetxMagic):])
	if uint64(len(file)-vetxHeader) < uint64(n) {
		return nil, fmt.Errorf("the file of a unit was cut short")
	}
	return append([]byte{indexed}, file[vetxHeader:][:n]...), nil
}
