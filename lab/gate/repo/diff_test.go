package repo

import (
	"reflect"
	"testing"
)

func TestParseDiff(t *testing.T) {
	const text = `diff --git a/a.go b/a.go
index 1..2 100644
--- a/a.go
+++ b/a.go
@@ -2 +2,2 @@ func f() {
---- a/not a file
+++ b/neither
+	go work()
diff --git a/中文.md b/中文.md
--- a/中文.md
+++ b/中文.md
@@ -5,2 +4,0 @@
-x
-y
diff --git a/gone.go b/gone.go
deleted file mode 100644
--- a/gone.go
+++ /dev/null
@@ -1 +0,0 @@
-package gone
diff --git a/x.png b/x.png
Binary files a/x.png and b/x.png differ
`
	got, err := parseDiff(text)
	if err != nil {
		t.Fatal(err)
	}
	want := []Change{
		{File: "a.go", Added: []Line{{2, "++ b/neither"}, {3, "\tgo work()"}}, Removed: 1},
		{File: "中文.md", Removed: 2},
		{File: "gone.go", Removed: 1, Deleted: true},
		{File: "x.png"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
