package modules

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/semver"
)

// vulnDB is a copy of the Go vulnerability database on disk, in the layout that govulncheck reads with -db file://….
type vulnDB struct {
	dir     string
	modules map[string][]string // ids by module
	entries map[string]*vuln
}

// vuln is an entry in the Open Source Vulnerability format, as far as it matters here.
type vuln struct {
	ID, Summary string
	Withdrawn   string
	Affected    []struct {
		Package struct{ Name string }
		Ranges  []struct {
			Type   string
			Events []struct{ Introduced, Fixed string }
		}
	}
}

// openVulnDB opens the database in dir, or that of GOVULNDB if it is on disk. Without one it knows nothing.
func openVulnDB(dir string) (*vulnDB, error) {
	if dir == "" {
		u, err := url.Parse(os.Getenv("GOVULNDB"))
		if err != nil || u.Scheme != "file" {
			return &vulnDB{}, nil
		}
		dir = u.Path
	}
	content, err := os.ReadFile(filepath.Join(dir, "index", "modules.json"))
	if err != nil {
		return nil, fmt.Errorf("gate modules: reading the vulnerability database: %w", err)
	}
	var index []struct {
		Path  string
		Vulns []struct{ ID string }
	}
	if err := json.Unmarshal(content, &index); err != nil {
		return nil, fmt.Errorf("gate modules: reading the vulnerability database: index/modules.json: %w", err)
	}
	db := &vulnDB{dir: dir, modules: map[string][]string{}, entries: map[string]*vuln{}}
	for _, m := range index {
		for _, v := range m.Vulns {
			db.modules[m.Path] = append(db.modules[m.Path], v.ID)
			if db.entries[v.ID] != nil {
				continue
			}
			entry := new(vuln)
			content, err := os.ReadFile(filepath.Join(dir, "ID", filepath.Base(v.ID)+".json"))
			if err == nil {
				err = json.Unmarshal(content, entry)
			}
			if err != nil {
				return nil, fmt.Errorf("gate modules: reading the vulnerability database: %s: %w", v.ID, err)
			}
			db.entries[v.ID] = entry
		}
	}
	return db, nil
}

// affecting returns the entries that a version of a module is affected by.
func (db *vulnDB) affecting(path, version string) []*vuln {
	var found []*vuln
	for _, id := range db.modules[path] {
		if v := db.entries[id]; v.Withdrawn == "" {
			if _, yes := v.affects(path, version); yes {
				found = append(found, v)
			}
		}
	}
	return found
}

// affects reports whether a version is affected, and which is the first that is not.
func (v *vuln) affects(path, version string) (fixed string, yes bool) {
	for _, a := range v.Affected {
		if a.Package.Name != path {
			continue
		}
		for _, r := range a.Ranges {
			if r.Type != "SEMVER" {
				continue
			}
			in := false
			for _, e := range r.Events { // in order of versions
				switch {
				case e.Introduced != "" && (e.Introduced == "0" || semver.Compare(version, "v"+e.Introduced) >= 0):
					in, fixed = true, ""
				case e.Fixed != "" && in && semver.Compare(version, "v"+e.Fixed) < 0:
					return "v" + strings.TrimPrefix(e.Fixed, "v"), true
				case e.Fixed != "":
					in = false
				}
			}
			if in {
				return "", true
			}
		}
	}
	return "", false
}

func (v *vuln) fixedIn(path, version string) string {
	if fixed, _ := v.affects(path, version); fixed != "" {
		return fixed
	}
	return "none"
}
