package catalogue

import (
	"testing"
	"unicode"
)

func TestEveryCauseIsDescribed(t *testing.T) {
	for _, c := range All() {
		english, chinese := Describe(c.ID)
		if len(english) < 60 {
			t.Errorf("%s: english.json says %q; run go run ./internal/docgen", c.ID, english)
		}
		han := 0
		for _, r := range chinese {
			if unicode.Is(unicode.Han, r) {
				han++
			}
		}
		if han < 15 {
			t.Errorf("%s: chinese.json says %q; write a sentence there", c.ID, chinese)
		}
	}
	for language, texts := range descriptions() {
		if len(texts) != len(All()) {
			t.Errorf("language %d has %d texts for %d causes", language, len(texts), len(All()))
		}
	}
	if english, chinese := Describe("nosuch"); english+chinese != "" {
		t.Error("what is not known is described")
	}
}
