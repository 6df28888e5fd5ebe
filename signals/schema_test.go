package signals

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestStandardSignalsAreWellFormed(t *testing.T) {
	schema := NewSchema(Standard()...) // panics on a conflict of names
	for _, d := range Standard() {
		if d.Help == "" || !strings.HasSuffix(d.Help, ".") || d.Source == "" || d.Cost <= 0 {
			t.Errorf("%s: help %q, source %q, cost %v", d.Name, d.Help, d.Source, d.Cost)
		}
		if d.Name != strings.ToLower(d.Name) || !strings.Contains(d.Name, ".") {
			t.Errorf("%s is not dotted lower case", d.Name)
		}
		if d.Bound != "" {
			if _, _, ok := schema.Lookup(d.Bound); !ok {
				t.Errorf("%s is bounded by %s, which is no signal", d.Name, d.Bound)
			}
		}
	}
}

// A group of signals that Standard leaves out is in no schema and on no reference page, and contracts on it do not compile.
func TestEveryGroupIsStandard(t *testing.T) {
	files, err := filepath.Glob("standard_*.go")
	if err != nil || len(files) < 5 {
		t.Fatal("where are the groups? ", files, err)
	}
	list, err := os.ReadFile("standard.go")
	if err != nil {
		t.Fatal(err)
	}
	group := regexp.MustCompile(`(?m)^var ([A-Z]\w*) = struct \{`)
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := group.FindAllSubmatch(source, -1)
		if len(found) == 0 {
			t.Errorf("%s declares no group: want var Name = struct {", name)
		}
		for _, m := range found {
			if !bytes.Contains(list, []byte("Group("+string(m[1])+")")) {
				t.Errorf("%s declares the group %s, which Standard in standard.go does not list", name, m[1])
			}
		}
	}
}

func TestLookup(t *testing.T) {
	schema := NewSchema(Standard()...)
	for name, want := range map[string]string{
		"go.goroutine.count": "go.goroutine.count", "runtime.NumGoroutine()": "go.goroutine.count",
		"runtime.NumGoroutine": "go.goroutine.count", "mem.HeapInuse": "go.memory.heap.inuse",
		"runtime.ReadMemStats().HeapSys": "go.memory.heap.sys", "young_gc_count": "go.gc.cycles",
		"gc_pause_ratio": "go.gc.cpu_ratio",
	} {
		id, d, ok := schema.Lookup(name)
		if !ok || d.Name != want || schema.Desc(id).Name != want {
			t.Errorf("%s is %q, %v; want %s", name, d.Name, ok, want)
		}
	}
	if _, _, ok := schema.Lookup("go.goroutine"); ok {
		t.Error("part of a name is found")
	}
	if names := schema.Names(); !slices.IsSorted(names) || !slices.Contains(names, "mem.HeapInuse") || len(names) <= schema.Len() {
		t.Errorf("Names = %v, want names and aliases, sorted", names)
	}
}

func TestAdd(t *testing.T) {
	for _, test := range []struct {
		name string
		desc Desc
		fail string // part of the error
	}{
		{"new", Desc{Name: "b"}, ""},
		{"again", Desc{Name: "a", Unit: Bytes, Aliases: []string{"A"}}, ""},
		{"again by its alias", Desc{Name: "A", Unit: Bytes}, ""},
		{"no name", Desc{}, "no name"},
		{"other unit", Desc{Name: "a", Unit: Seconds}, "already declared as a gauge in bytes without labels"},
		{"other kind", Desc{Name: "a", Unit: Bytes, Kind: Counter}, "declaring a as a counter in bytes"},
		{"other labels", Desc{Name: "a", Unit: Bytes, Labels: []string{"x"}}, "already declared"},
		{"alias taken over", Desc{Name: "c", Aliases: []string{"A"}}, ""},
		{"alias of a name", Desc{Name: "c", Aliases: []string{"a"}}, "its alias a already means a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			schema := NewSchema(Desc{Name: "a", Unit: Bytes, Aliases: []string{"A"}})
			_, err := schema.Add(test.desc)
			switch {
			case test.fail == "" && err != nil:
				t.Errorf("Add: %v", err)
			case test.fail != "" && (err == nil || !strings.Contains(err.Error(), test.fail)):
				t.Errorf("Add: %v, want an error with %q", err, test.fail)
			}
			if n := schema.Len(); test.fail != "" && n != 1 {
				t.Errorf("a refused signal left %d in the schema", n)
			}
		})
	}
}

// A service may call a signal of its own what the library uses as an alias: then the spelling means the service's.
func TestAliasYields(t *testing.T) {
	schema := NewSchema(Desc{Name: "db.in_use", Labels: []string{"pool"}, Aliases: []string{"pool.Active", "pool.inUse"}})
	id, err := schema.Add(Desc{Name: "pool.Active"})
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := schema.Lookup("pool.Active()"); got != id {
		t.Errorf("pool.Active means signal %d, want the service's own, %d", got, id)
	}
	if _, d, _ := schema.Lookup("db.in_use"); len(d.Aliases) != 1 || d.Aliases[0] != "pool.inUse" {
		t.Errorf("the library's signal still claims the aliases %v", d.Aliases)
	}
}

func TestWordsOfKindsAndUnits(t *testing.T) {
	for _, test := range []struct {
		got  []string
		want string
	}{
		{[]string{Gauge.String(), Counter.String(), Size.String(), Instant.String()}, "gauge counter collection time"},
		{[]string{Count.String(), Bytes.String(), Seconds.String(), Ratio.String()}, "count bytes seconds ratio"},
	} {
		if got := strings.Join(test.got, " "); got != test.want {
			t.Errorf("words = %s, want %s", got, test.want)
		}
	}
}
