package rewrite

import (
	"errors"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// body is a function with one statement, or some, on a line of their own.
func body(stmts string) string { return "package p\n\nfunc f() {\n" + stmts + "\n}\n" }

func TestPoints(t *testing.T) {
	for _, test := range []struct{ name, stmts, want string }{
		{"send", "c <- 1", "zzstability.At(1); c <- 1"},
		{"receive", "v, ok := <-c", "zzstability.At(2); v, ok := <-c"},
		{"in a condition", "if v := <-c; v { g() } else if <-d { h() }",
			"zzstability.At(2); zzstability.At(2); if v := <-c; v { g() } else if <-d { h() }"},
		{"select, and its bodies", "select { case v := <-c: d <- v; default: }",
			"zzstability.At(4); select { case v := <-c: zzstability.At(1); d <- v; default: }"},
		{"close", "close(c)", "zzstability.At(3); close(c)"},
		{"go, and the literal", "go func() { c <- 1 }()", "go func() { zzstability.At(1); c <- 1 }(); zzstability.At(0)"},
		{"arguments of go", "go g(<-c)", "zzstability.At(2); go g(<-c); zzstability.At(0)"},
		{"lock and unlock", "s.mu.Lock(); s.n++; s.mu.Unlock()",
			"zzstability.Lock(5); s.mu.Lock(); s.n++; zzstability.Unlock(6); s.mu.Unlock()"},
		{"read lock", "mu.RLock(); defer mu.RUnlock()", "zzstability.Lock(7); mu.RLock(); defer zzstability.Unlock(8); defer mu.RUnlock()"},
		{"wait", "wg.Wait()", "zzstability.At(10); wg.Wait()"},
		{"label", "L: for { <-c; break L }", "L: for { zzstability.At(2); <-c; break L }"},
		{"switch", "switch { case true: <-c; fallthrough; default: }", "switch { case true: zzstability.At(2); <-c; fallthrough; default: }"},
		{"return", "return <-c", "zzstability.At(2); return <-c"},
		{"nothing to do", "x := 1; _ = x", ""},
		{"a method with arguments is another", "q.Wait(ctx)", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			src := body(test.stmts)
			want := src
			if test.want != "" {
				want = strings.Replace(body(test.want), "package p", `package p; import zzstability "m/zzstability"`, 1)
			}
			got, _, err := edit("f.go", []byte(src), "m/zzstability")
			if err != nil || string(got) != want {
				t.Errorf("%v; got\n%s\nwant\n%s", err, got, want)
			}
			if _, err := parser.ParseFile(token.NewFileSet(), "f.go", got, 0); err != nil {
				t.Errorf("what came out does not parse: %v", err)
			}
			if strings.Count(string(got), "\n") != strings.Count(src, "\n") {
				t.Error("lines have moved")
			}
		})
	}
}

func TestFunctionsWithDirectivesAreLeftAlone(t *testing.T) {
	src := "package p\n\n//go:nosplit\nfunc f(c chan int) { c <- 1 }\n"
	if got, _, err := edit("f.go", []byte(src), "m/zzstability"); err != nil || string(got) != src {
		t.Errorf("%v; got\n%s", err, got)
	}
}

func TestTestMain(t *testing.T) {
	src := "package p\n\nfunc TestMain(m *testing.M) { setUp(); os.Exit(m.Run()) }\n"
	got, has, err := edit("f_test.go", []byte(src), "m/zzstability")
	if err != nil || !has || !strings.Contains(string(got), "os.Exit(zzstability.Run(m))") {
		t.Errorf("%v, %t; got\n%s", err, has, got)
	}
	src = "package p\n\nfunc TestMain(m *testing.M) { goleak.VerifyTestMain(m) }\n"
	if _, _, err := edit("f_test.go", []byte(src), "m/zzstability"); !errors.Is(err, errTestMain) {
		t.Errorf("a TestMain that hides Run: %v, want %v: its tests would end without a report", err, errTestMain)
	}
}

func TestExperiments(t *testing.T) {
	for version, want := range map[string]string{"go1.26.8": "goroutineleakprofile", "go1.27.0": "", "devel go1.28-abc": ""} {
		if got, err := Experiments(version); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", version, got, err, want)
		}
	}
	if _, err := Experiments("go1.25.3"); !errors.Is(err, ErrRefused) {
		t.Errorf("Go 1.25 has nothing to prove a leak by: %v, want %v", err, ErrRefused)
	}
}

// FuzzEdit: whatever parses still parses, on the same lines.
func FuzzEdit(f *testing.F) {
	f.Add("select { case <-c: default: }; go func() { mu.Lock(); defer mu.Unlock() }()")
	f.Add("L: for range c { if <-c { break L } }")
	f.Fuzz(func(t *testing.T, stmts string) {
		src := body(stmts)
		if _, err := parser.ParseFile(token.NewFileSet(), "f.go", src, parser.ParseComments); err != nil {
			return
		}
		got, _, err := edit("f.go", []byte(src), "m/zzstability")
		if errors.Is(err, errTestMain) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "f.go", got, parser.ParseComments); err != nil {
			t.Errorf("%v\nfrom\n%s\ncame\n%s", err, src, got)
		}
		if strings.Count(string(got), "\n") != strings.Count(src, "\n") {
			t.Errorf("lines have moved: from\n%s\ncame\n%s", src, got)
		}
	})
}
