package browser

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// pretend puts a program in the browser's place, as the only one on the path.
func pretend(t *testing.T, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: the stand-in is a shell script")
	}
	dir := t.TempDir()
	if script != "" {
		if err := os.WriteFile(filepath.Join(dir, "chromium"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	t.Setenv("TMPDIR", t.TempDir())
}

func TestWithoutABrowser(t *testing.T) {
	pretend(t, "")
	if _, _, err := DOM(t.Context(), "http://127.0.0.1:1", View{}); !errors.Is(err, ErrNone) {
		t.Errorf("%v, want ErrNone", err)
	}
}

// What the browser says of the page is told apart from what it says of itself, and its profile does not stay.
func TestDOM(t *testing.T) {
	pretend(t, `for a in "$@"; do echo "<$a>"; done
echo '[1:2:INFO:CONSOLE(7)] "x is not defined"' >&2
echo '[1:2:ERROR] no bus' >&2
`)
	dom, complaints, err := DOM(t.Context(), "http://127.0.0.1:1/page", View{Width: 500, Height: 700, Dark: true})
	if err != nil || len(complaints) != 1 || !strings.Contains(complaints[0], "x is not defined") {
		t.Errorf("complaints %q, %v", complaints, err)
	}
	for _, want := range []string{"<--headless>", "<--dump-dom>", "<--window-size=500,700>", "<--blink-settings=preferredColorScheme=0>", "<http://127.0.0.1:1/page>"} {
		if !strings.Contains(dom, want) {
			t.Errorf("it was not told %s: %s", want, dom)
		}
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) != 0 {
		t.Errorf("%v stays", left)
	}
}

func TestPicture(t *testing.T) {
	pretend(t, `for a in "$@"; do case "$a" in --screenshot=*) echo picture > "${a#--screenshot=}";; esac; done`)
	file := filepath.Join(t.TempDir(), "page.png")
	if err := Picture(t.Context(), "http://127.0.0.1:1", file, View{}); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(file); string(content) != "picture\n" {
		t.Errorf("%q, %v", content, err)
	}
}

// A browser that fails says why; one that is kept open ends with its context, without an error.
func TestTheEndOfABrowser(t *testing.T) {
	pretend(t, "echo 'no screen' >&2; exit 3")
	if err := Picture(t.Context(), "http://127.0.0.1:1", "x.png", View{}); err == nil || !strings.Contains(err.Error(), "no screen") {
		t.Errorf("%v", err)
	}
	if err := Keep(t.Context(), "http://127.0.0.1:1", View{}); err == nil {
		t.Error("one that ended by itself was kept")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Keep(ended, "http://127.0.0.1:1", View{}); err != nil {
		t.Errorf("one that was ended: %v", err)
	}
}

// The real one runs the page's script, and tells of its mistake.
func TestARealBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: the tests are to be short")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><p id="p">before</p><script>p.textContent = "af" + "ter"; console.error("mis" + "take")</script>`)
	}))
	t.Cleanup(server.CloseClientConnections)
	var dom string
	var complaints []string
	var err error
	for range 4 { // a browser that starts on a busy machine may give up
		if dom, complaints, err = DOM(t.Context(), server.URL, View{}); err == nil {
			break
		}
		if errors.Is(err, ErrNone) {
			t.Skip("NOT RUN:", err)
		}
	}
	if err != nil || !strings.Contains(dom, `<p id="p">after</p>`) || !strings.Contains(strings.Join(complaints, "\n"), "mistake") {
		t.Errorf("%v, complaints %q\n%s", err, complaints, dom)
	}
}

// A page that stays open is narrower than any window, dark, asked, typed at and looked at; its console is heard.
func TestAPage(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: the tests are to be short")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><meta name="viewport" content="width=device-width"><input><button onclick="console.warn('cli' + 'cked')">b</button>`)
	}))
	t.Cleanup(server.CloseClientConnections)
	p := open(t, server.URL, View{Width: 390, Height: 800, Dark: true}, `var early = 7`)
	defer p.Close()
	var seen struct {
		Width, Early int
		Dark         bool
	}
	for there, end := false, time.Now().Add(time.Minute); !there; <-time.After(10 * time.Millisecond) { // the page comes a moment after it was asked for
		// Chromium answers with an error what is asked in the very moment in which one page gives way to another.
		if err := p.Eval(`document.querySelector("button") !== null`, &there); !there && time.Now().After(end) {
			t.Fatalf("no page within a minute, %v", err)
		}
	}
	if err := p.Eval(`({width: innerWidth, early: early, dark: matchMedia("(prefers-color-scheme: dark)").matches})`, &seen); err != nil {
		t.Fatal(err)
	}
	if seen.Width != 390 || !seen.Dark || seen.Early != 7 {
		t.Errorf("it is seen as %+v", seen)
	}
	if err := errors.Join(p.Press("Tab"), p.Press("x"), p.Press("Tab"), p.Press("Enter")); err != nil {
		t.Fatal(err)
	}
	var typed string
	if err := p.Eval(`document.querySelector("input").value`, &typed); err != nil || typed != "x" {
		t.Errorf("%q was typed, %v", typed, err)
	}
	if said := strings.Join(p.Complaints(), "\n"); !strings.Contains(said, "clicked") {
		t.Errorf("its console says %q", said)
	}
	file := filepath.Join(t.TempDir(), "page.png")
	if err := p.Picture(file); err != nil {
		t.Error(err)
	}
	if content, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(content), "\x89PNG") {
		t.Errorf("the picture is %.8q, %v", content, err)
	}
	if err := p.Eval("nosuch", &typed); err == nil || !strings.Contains(err.Error(), "not defined") {
		t.Errorf("a mistake gives %v", err)
	}
	p.Close()
	if err := p.Eval("1", new(int)); err == nil {
		t.Error("a page that is closed answers")
	}
}

// open opens a page; a browser that starts on a busy machine may give up.
func open(t *testing.T, url string, v View, scripts ...string) (p *Page) {
	t.Helper()
	var err error
	for range 4 {
		if p, err = Open(t.Context(), url, v, scripts...); err == nil {
			return p
		}
		if errors.Is(err, ErrNone) {
			t.Skip("NOT RUN:", err)
		}
	}
	t.Fatal(err)
	return nil
}
