package escape

import (
	"bytes"
	"strings"
	"testing"
)

func find(t *testing.T, fns []Function, name string) *Function {
	for i := range fns {
		if strings.HasSuffix(fns[i].Name, " "+name) {
			return &fns[i]
		}
	}
	t.Fatalf("no function %s in %+v", name, fns)
	return nil
}

func TestBuild(t *testing.T) {
	t.Setenv("GOWORK", "off") // the demo is a module of its own
	fns, err := Build("testdata/demo", true, ".")
	if err != nil {
		t.Fatal(err)
	}
	if f := find(t, fns, "ByValue"); f.Over() || len(f.Sites) != 0 {
		t.Errorf("ByValue: %+v, want nothing on the heap", f)
	}
	f := find(t, fns, "NewConfig")
	if !f.Over() || len(f.Sites) != 1 {
		t.Fatalf("NewConfig: %+v, want one escape, over its budget", f)
	}
	if s := f.Sites[0]; s.Reason != "return" || !strings.Contains(s.Rule, "returned") || !s.Moved {
		t.Errorf("NewConfig: %+v, want it moved because of the return", s)
	}
	if f := find(t, fns, "Boxed"); f.Over() || len(f.Sites) != 1 || f.Budget != 1 {
		t.Errorf("Boxed: %+v, want one escape, within its budget", f)
	}
	if f := find(t, fns, "Uses"); f.Over() {
		t.Errorf("Uses: %+v, want nothing on the heap with inlining", f)
	}
}

func TestDiff(t *testing.T) {
	got := Diff([]Function{{Name: "a", Sites: make([]Site, 1)}, {Name: "b"}, {Name: "c", Sites: make([]Site, 2)}},
		[]Function{{Name: "a", Sites: make([]Site, 1)}, {Name: "b", Sites: make([]Site, 1)}})
	if len(got) != 2 || got[0] != (Change{"b", 0, 1}) || got[1] != (Change{"c", 2, 0}) {
		t.Errorf("Diff = %+v", got)
	}
}

func TestReportFails(t *testing.T) {
	var out bytes.Buffer
	if code := report([]Function{{Name: "x", Budget: 0, Sites: []Site{{What: "c", Rule: "r"}}}}, false, true, &out); code != 1 {
		t.Errorf("code %d, want 1:\n%s", code, &out)
	}
	if code := report([]Function{{Name: "x", Budget: -1, Sites: []Site{{}}}}, false, false, &out); code != 0 {
		t.Errorf("without a budget: code %d, want 0", code)
	}
}
