package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/internal/browser"
)

// In a window of 1,400 pixels nothing has to be scrolled sideways, with more checks and faults than the payment example has: a real
// browser says by how much the page and its tables are wider than what they are in.
func TestPageFitsAWindow(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: the tests are to be short")
	}
	const measure = `<script>addEventListener("load", () => { document.documentElement.dataset.over = [document.documentElement, ...document.querySelectorAll(".scroll")].map(e => e.scrollWidth - e.clientWidth).join(" ") })</script></body>`
	var page strings.Builder
	if err := broad().WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.html")
	over := func(html string) string {
		t.Helper()
		if err := os.WriteFile(file, []byte(strings.Replace(html, "</body>", measure, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		dom, _, err := browser.DOM(t.Context(), "file://"+file, browser.View{})
		if errors.Is(err, browser.ErrNone) {
			t.Skip("NOT RUN:", err)
		} else if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(dom, `data-over="`)
		text, _, _ := strings.Cut(rest, `"`)
		return text
	}
	if got := over(page.String()); got == "" || strings.Trim(got, "0 ") != "" {
		t.Errorf("the page and its tables are too wide by %q pixels", got)
	}
	if got := over(strings.Replace(page.String(), "<h2>", `<p style="width:2000px">x</p><h2>`, 1)); strings.Trim(got, "0 ") == "" {
		t.Errorf("a page of 2,000 pixels is said to fit: %q", got)
	}
}
