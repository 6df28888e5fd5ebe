// Package browser shows a page to a real Chromium without a screen.
package browser

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// ErrNone says that there is no browser on this machine.
var ErrNone = errors.New("browser: there is no chromium")

// View is how the page is looked at.
type View struct {
	Width, Height int  // in pixels; default to 1400 and 1000
	Dark          bool // instead of light
}

// settle is how much of the browser's own time a page gets to load and fill, in ms.
const settle = 4000

// limit is how long that may take by the clock: a browser that hangs must not keep its caller.
const limit = 2 * time.Minute

// DOM returns the page as it is once it has settled, and what the browser's console says of it.
func DOM(ctx context.Context, url string, v View) (dom string, complaints []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out strings.Builder
	log, err := v.run(ctx, &out, "--dump-dom", settled(), url)
	for line := range strings.Lines(log) {
		if strings.Contains(line, "CONSOLE") {
			complaints = append(complaints, line)
		}
	}
	return out.String(), complaints, err
}

// Picture saves a PNG of the page once it has settled.
func Picture(ctx context.Context, url, file string, v View) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := v.run(ctx, nil, "--screenshot="+file, settled(), url)
	return err
}

// Keep keeps the page open, in the time of the clock, until ctx is done. The error is nil then.
func Keep(ctx context.Context, url string, v View) error {
	if _, err := v.run(ctx, nil, "--remote-debugging-port=0", url); ctx.Err() == nil {
		return err
	}
	return nil
}

func settled() string { return "--virtual-time-budget=" + strconv.Itoa(settle) }

// run runs the browser and returns what it logs.
func (v View) run(ctx context.Context, out *strings.Builder, args ...string) (log string, err error) {
	program, err := exec.LookPath("chromium")
	if err != nil {
		return "", ErrNone
	}
	profile, err := os.MkdirTemp("", "browser-")
	if err != nil {
		return "", fmt.Errorf("browser: %w", err)
	}
	defer remove(profile)
	cmd := exec.CommandContext(ctx, program, append(v.flags(profile), args...)...)
	cmd.Env = environment(profile)
	cmd.WaitDelay = 5 * time.Second // a child of the browser's that keeps its pipes open must not keep us
	var said strings.Builder
	cmd.Stderr = &said
	if out != nil {
		cmd.Stdout = out
	}
	if err := cmd.Run(); err != nil {
		return said.String(), fmt.Errorf("browser: %w\n%s", err, said.String())
	}
	return said.String(), nil
}

// remove removes a profile. A process of the browser's that outlives it by a moment may write into it once more.
func remove(profile string) {
	for range 20 {
		_ = os.RemoveAll(profile) // or it is tried again
		<-time.After(100 * time.Millisecond)
		if _, err := os.Stat(profile); err != nil {
			return
		}
	}
}

// environment keeps what the browser writes into the system's folder for temporary files within its profile, which is removed also if it
// was killed.
func environment(profile string) []string { return append(os.Environ(), "TMPDIR="+profile) }

func (v View) flags(profile string) []string {
	scheme := 1
	if v.Dark {
		scheme = 0
	}
	return []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
		"--user-data-dir=" + profile, fmt.Sprintf("--window-size=%d,%d", cmp.Or(v.Width, 1400), cmp.Or(v.Height, 1000)),
		fmt.Sprintf("--blink-settings=preferredColorScheme=%d", scheme)}
}
