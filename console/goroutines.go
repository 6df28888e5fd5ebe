package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/evidence/goroutines"
)

// triage is groups of goroutines, for the page.
type triage struct {
	*goroutines.Triage
	Ages bool `json:"ages"`           // it is known how long each waits
	Left int  `json:"left,omitempty"` // groups that are not shown
}

const (
	// groupsShown bounds what is sent: nobody reads more.
	groupsShown = 200
	// maxStacks is above how many goroutines their stacks are not taken one by one: each stops the world for about 4 µs.
	maxStacks = 1000
	// maxWait is the longest time between two captures, or for a profile of the CPU.
	maxWait = time.Minute
	// maxDump bounds what a bundle's file of goroutines may take in memory.
	maxDump = 64 << 20
)

// captureError is why a request cannot be answered, with the status to say so.
type captureError struct {
	status int
	error
}

func failed(status int, format string, args ...any) error {
	return &captureError{status, fmt.Errorf(format, args...)}
}

// serveGoroutines groups the goroutines of a bundle or of the running service (of), and tells their growth since an earlier bundle (since)
// or, of the running service, within a while (wait).
func (c *console) serveGoroutines(w http.ResponseWriter, r *http.Request) {
	if !c.taking.TryLock() {
		refuseBusy(w, "another capture is being taken; try again in a second")
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(maxWait + writeWithin))
	found, err := func() (*triage, error) { // whoever reads the answer slowly keeps nobody else waiting
		defer c.taking.Unlock()
		return c.triage(r.Context(), r.FormValue("of"), r.FormValue("since"), r.FormValue("wait"))
	}()
	if err != nil {
		refuse(w, err)
		return
	}
	writeJSON(w, found)
}

// refuse answers with an error and its status.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if e := new(captureError); errors.As(err, &e) {
		status = e.status
	}
	http.Error(w, err.Error(), status)
}

func refuseBusy(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, why, http.StatusServiceUnavailable)
}

func (c *console) triage(ctx context.Context, of, since, wait string) (*triage, error) {
	var before *goroutines.Dump
	var err error
	switch {
	case wait != "" && (since != "" || of != "now"):
		return nil, failed(http.StatusBadRequest, "wait is for of=now alone, without since")
	case wait != "":
		before, err = c.twice(ctx, wait)
	case since != "":
		before, _, err = c.dump(since)
	}
	if err != nil {
		return nil, err
	}
	now, ages, err := c.dump(of)
	if err != nil {
		return nil, err
	}
	found := &triage{Triage: goroutines.Compare(before, now), Ages: ages}
	if found.Left = max(0, len(found.Groups)-groupsShown); found.Left > 0 {
		found.Groups = found.Groups[:groupsShown]
	}
	found.ReadSource()
	return found, nil
}

// twice takes the first of two captures, and waits until the second is due.
func (c *console) twice(ctx context.Context, wait string) (*goroutines.Dump, error) {
	d, err := time.ParseDuration(wait)
	if err != nil || d <= 0 || d > maxWait {
		return nil, failed(http.StatusBadRequest, "wait=%q: want a duration up to %v, such as 10s", wait, maxWait)
	}
	before, _, err := c.dump("now")
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return before, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// dump reads the goroutines of a bundle or, for "now", of this process, and reports whether it tells their age.
func (c *console) dump(of string) (d *goroutines.Dump, ages bool, err error) {
	var content []byte
	switch {
	case of == "now" && !c.cfg.Pprof:
		return nil, false, failed(http.StatusForbidden, "nobody may look at the running service: set Config.Pprof, or STABILITY_PPROF=true")
	case of == "now":
		content, ages = capture()
	default:
		if content, ages, err = c.saved(of); err != nil {
			return nil, false, err
		}
	}
	d, err = goroutines.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, false, failed(http.StatusUnprocessableEntity, "%v", err)
	}
	return d, ages, nil
}

// capture takes the goroutines of this process: each with its age where they are few, else in groups.
func capture() (content []byte, ages bool) {
	if n := runtime.NumGoroutine(); n <= maxStacks {
		return goroutines.TakeStacks(n), true
	}
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 0) // a buffer takes all
	return b.Bytes(), false
}

// saved reads the goroutines of a bundle, from the form that tells most.
func (c *console) saved(id string) (content []byte, ages bool, err error) {
	if c.cfg.EvidenceDir == "" || !filepath.IsLocal(id) || strings.ContainsAny(id, `/\`) {
		return nil, false, failed(http.StatusNotFound, "there is no bundle %q", id)
	}
	b, err := evidence.Stat(filepath.Join(c.cfg.EvidenceDir, id))
	if err != nil {
		return nil, false, failed(http.StatusNotFound, "there is no bundle %q", id)
	}
	for _, name := range []string{goroutines.StacksFile, goroutines.ProfileFile} {
		if f, has := b.File(name); has && f.Size <= maxDump {
			if content, err = b.ReadFile(name); err == nil {
				return content, name == goroutines.StacksFile, nil
			}
		}
	}
	return nil, false, failed(http.StatusNotFound, "bundle %s has no goroutines in it", id)
}
