package vet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFactless(t *testing.T) {
	for _, tt := range []struct {
		path, module string
		vetxOnly     bool
		want         bool
	}{
		{"net/http", "", true, true},
		{"net/http", "", false, false}, // it is what is being vetted
		{"log", "", true, false},       // log.Fatal never returns
		{"time/zones", "time", true, false},
		{"example.org/net", "", true, false},
	} {
		u := unit{ImportPath: tt.path, ModulePath: tt.module, VetxOnly: tt.vetxOnly}
		if got := u.factless(); got != tt.want {
			t.Errorf("%s of module %q, for facts only %v: factless %v", tt.path, tt.module, tt.vetxOnly, got)
		}
	}
}

// What other packages' functions do is known all the same: log.Fatal does not return, and Load reads a file.
func TestFactsTravel(t *testing.T) {
	dir := module(t, `package try

import (
	"context"
	"log"
	"sync"
	"time"

	"try/files"
)

type store struct {
	mu   sync.Mutex
	data []byte
}

func check(ok bool) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	if ok {
		time.AfterFunc(time.Second, cancel)
	} else {
		log.Fatal("gone") // here cancel is not forgotten
	}
	return ctx
}

func (s *store) Clear() {
	s.mu.Lock()
	s.data = nil
	s.mu.Unlock()
}

func (s *store) fill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = files.Load()
}
`)
	if err := os.Mkdir(filepath.Join(dir, "files"), 0o755); err != nil {
		t.Fatal(err)
	}
	load := "package files\n\nimport \"os\"\n\nfunc Load() []byte { b, _ := os.ReadFile(\"x\"); return b }\n"
	if err := os.WriteFile(filepath.Join(dir, "files", "files.go"), []byte(load), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := vet(t, "-only=lockorder,goroutineleak", ".")
	if code != ExitFindings || strings.Count(out, " [") != 1 || !strings.Contains(out, "s.mu is held over os.ReadFile, called by Load") {
		t.Errorf("code %d, want one finding about files.Load, of:\n%s%s", code, out, errs)
	}
}
