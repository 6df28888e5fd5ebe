package suggest

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"runtime.NumGoroutine", "mem.HeapInuse", "goroutineleak", "rate", "heap_inuse_mb", "b"}
	for word, want := range map[string]string{
		"NumGoroutine":         "runtime.NumGoroutine",
		"runtime.NumGorutine":  "runtime.NumGoroutine",
		"mem.heapinuse":        "mem.HeapInuse",
		"goroutinelaek":        "goroutineleak", // two letters swapped
		"goroutine":            "goroutineleak",
		"rtae":                 "rate",
		"heap_inuse":           "heap_inuse_mb",
		"a":                    "", // everything is one letter away from a letter
		"completely different": "",
		"":                     "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func FuzzNearest(f *testing.F) {
	f.Add("rtae", "rate")
	f.Fuzz(func(t *testing.T, word, known string) {
		if got := Nearest(word, []string{known}); got != "" && got != known {
			t.Errorf("Nearest(%q, %q) = %q", word, known, got)
		}
		if word != "" && Nearest(word, []string{word}) != word {
			t.Errorf("%q is not nearest to itself", word)
		}
	})
}
