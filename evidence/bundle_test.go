package evidence

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(t *testing.T, path string) error
		want string
	}{
		"missing": {func(_ *testing.T, p string) error { return os.Remove(p + "/contract.json") }, "contract.json is missing"},
		"longer": {func(_ *testing.T, p string) error {
			return os.WriteFile(p+"/contract.json", []byte(`"the contract" `+"\n"), 0o600)
		}, "contract.json has 16 bytes, 15 in the manifest"},
		"changed": {func(_ *testing.T, p string) error {
			return os.WriteFile(p+"/contract.json", []byte(`"THE contract"`+"\n"), 0o600)
		}, "contract.json has SHA-256 "},
		"symbolic link": {func(_ *testing.T, p string) error {
			os.Rename(p+"/contract.json", p+"/other.json")
			return os.Symlink("other.json", p+"/contract.json")
		}, "contract.json is no regular file"},
		"torn manifest":   {func(_ *testing.T, p string) error { return os.Truncate(p+"/manifest.json", 100) }, "manifest.json: unexpected end"},
		"two of one name": {editManifest(func(m *Manifest) { m.Files = append(m.Files, m.Files[0]) }), "contract.json is there twice"},
		"outside":         {editManifest(func(m *Manifest) { m.Files[0].Name = "../../etc/passwd" }), `"../../etc/passwd" is no file name`},
		"negative size":   {editManifest(func(m *Manifest) { m.Files[0].Size = -1 }), "contract.json: size -1"},
		"no hash":         {editManifest(func(m *Manifest) { m.Files[0].SHA256 = "00" }), `"00" is no SHA-256`},
		"other format":    {editManifest(func(m *Manifest) { m.Format = 2 }), "format 2, this version reads 1"},
		"no manifest":     {func(_ *testing.T, p string) error { return os.Remove(p + "/manifest.json") }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			b := capture(t, open(t, Config{}), Request{Key: "a", Documents: documents(map[string]any{"contract": "the contract"})})
			if _, err := Read(b.Path); err != nil {
				t.Fatal(err)
			}
			if err := c.harm(t, b.Path); err != nil {
				t.Fatal(err)
			}
			_, err := Read(b.Path)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), b.Path) {
				t.Errorf("Read: %v, want %q and the path", err, c.want)
			}
			if wantDamaged := name != "other format" && name != "no manifest"; errors.Is(err, ErrDamaged) != wantDamaged {
				t.Errorf("Read: %v; ErrDamaged is %v", err, !wantDamaged)
			}
		})
	}
}

func editManifest(edit func(*Manifest)) func(*testing.T, string) error {
	return func(t *testing.T, path string) error {
		b, err := Stat(path)
		if err != nil {
			return err
		}
		edit(&b.Manifest)
		content, err := json.Marshal(b.Manifest)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(path, manifestName), content, 0o600)
	}
}

// TestListGoesOn: one damaged bundle does not hide the others, and what is no bundle does not matter.
func TestListGoesOn(t *testing.T) {
	c := open(t, Config{})
	first := capture(t, c, Request{Key: "a"})
	second := capture(t, c, Request{Key: "b"})
	third := capture(t, c, Request{Key: "c"})
	os.Truncate(filepath.Join(second.Path, manifestName), 10)
	os.Mkdir(filepath.Join(c.Dir(), "notes"), 0o700)
	os.Mkdir(filepath.Join(c.Dir(), ".draft-of-someone"), 0o700)
	os.WriteFile(filepath.Join(c.Dir(), "file"), nil, 0o600)
	bundles, err := List(c.Dir())
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), second.Path) {
		t.Errorf("List: %v, want the damaged one named", err)
	}
	if len(bundles) != 2 || bundles[0].Path != third.Path || bundles[1].Path != first.Path {
		t.Errorf("List = %v", bundles)
	}
}

// FuzzRead gives the reader any manifest and any file. It must neither panic nor leave the bundle's directory, and what it
// accepts must be what the manifest says.
func FuzzRead(f *testing.F) {
	b := capture(f, open(f, Config{}), Request{Key: "a", Level: 2, Violation: 1, Documents: documents(map[string]any{"contract": 1})})
	manifest, err := os.ReadFile(filepath.Join(b.Path, manifestName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(manifest, []byte("1\n"))
	f.Add([]byte(`{"format":1,"files":[{"name":"../x","size":1,"sha256":""}]}`), []byte{})
	f.Add([]byte(`{"format":1,"files":[{"name":"contract.json","size":9e99}]}`), []byte{})
	f.Fuzz(func(t *testing.T, manifest, content []byte) {
		dir := t.TempDir()
		os.WriteFile(filepath.Join(dir, manifestName), manifest, 0o600)
		os.WriteFile(filepath.Join(dir, "contract.json"), content, 0o600)
		b, err := Read(dir)
		if err != nil {
			return
		}
		for _, file := range b.Files {
			got, err := b.ReadFile(file.Name)
			if err != nil || file.Name != "contract.json" || int64(len(got)) != file.Size {
				t.Errorf("accepted %+v, reading it: %d bytes, %v", file, len(got), err)
			}
		}
	})
}
