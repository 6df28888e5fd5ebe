package response

import (
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

func leak() stability.Violation {
	return stability.Violation{
		Contract: "payment", Name: "goroutines", Expr: "runtime.NumGoroutine() > 2000", Labels: signals.NewLabels("route", "<script>"),
		Value: 2345.678, Threshold: 2000, Strike: 2, Since: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), Cause: "goroutineleak", Evidence: "/var/evidence/1",
	}
}

func TestCard(t *testing.T) {
	for language, want := range map[Language][]string{
		English: {"pay: contract violated", "check payment/goroutines", "value 2346", "threshold 2000", "goroutineleak: a partner is gone", "evidence /var/evidence/1", "nobody has tried"},
		Chinese: {"pay：契约被违反", "检查项 payment/goroutines", "当前值 2346", "可能的根因 goroutineleak", "尚未经过证伪"},
	} {
		c := NewCard(leak(), CardOptions{Service: "pay", Instance: "pod-1", Language: language, Explain: func(string) string { return "a partner is gone" }})
		text := c.Title + "\n" + c.Text("", "")
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("the card lacks %q:\n%s", w, text)
			}
		}
	}
	tried := leak()
	tried.Proven, tried.Tier, tried.ProvenAt = true, "quick", time.Date(2026, 12, 1, 7, 0, 0, 0, time.UTC)
	if text := NewCard(tried, CardOptions{}).Text("", ""); !strings.Contains(text, "proven by falsification (quick, 2026-12-01)") {
		t.Errorf("a card of a proven check is\n%s", text)
	}
	rising := CardOptions{History: func(contract, check string) (points []stability.Point) {
		for i := range 30 {
			v := float64(100 * i)
			points = append(points, stability.Point{Age: time.Duration(i) * time.Minute, Value: &v})
		}
		return append(points, stability.Point{Age: time.Hour}) // one that could not be judged
	}}
	if text := NewCard(leak(), rising).Text("", ""); !strings.Contains(text, "until now ▁▁▁▂") || !strings.Contains(text, "█  0 → 2900, 29m0s") {
		t.Errorf("a card with a history is\n%s", text)
	}
	linked := NewCard(leak(), CardOptions{Link: func(stability.Violation) string { return "https://pay/debug" }})
	if linked.Link != "https://pay/debug" || strings.Contains(linked.Text("", ""), "/var/evidence") {
		t.Errorf("a card with a link is %+v", linked)
	}
	end := NewEndCard(leak(), stability.Transition{At: leak().Since.Add(90 * time.Second), Value: 12, Threshold: 2000}, CardOptions{Service: "pay"})
	if text := end.Title + end.Text("", ""); !end.Resolved || !strings.Contains(text, "holds again") || !strings.Contains(text, "lasted 1m30s") {
		t.Errorf("the card of the end is %s", text)
	}
}

// Both languages have every word.
func TestWords(t *testing.T) {
	for key := range words[English] {
		if Chinese.Word(key) == "" {
			t.Errorf("there is no Chinese for %q", key)
		}
	}
	if len(words[Chinese]) != len(words[English]) {
		t.Error("there are Chinese words without English ones")
	}
}
