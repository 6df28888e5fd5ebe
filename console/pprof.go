package console

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

// servePprof serves profiles of the running service as net/http/pprof does, which is not imported: it would add its pages to
// http.DefaultServeMux of whoever links this package. One at a time is taken; whoever reads it slowly keeps nobody else waiting.
func (c *console) servePprof(w http.ResponseWriter, r *http.Request) {
	if !c.taking.TryLock() {
		refuseBusy(w, "another capture is being taken; try again when it has ended")
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(maxWait + writeWithin))
	var profile bytes.Buffer
	err := func() error {
		defer c.taking.Unlock()
		if r.PathValue("profile") == "profile" {
			return profileCPU(&profile, r)
		}
		return take(&profile, r)
	}()
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if debugOf(r) > 0 {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	w.Write(profile.Bytes())
}

// debugOf is the form that is asked for. What is no number is 0, as in net/http/pprof.
func debugOf(r *http.Request) int {
	debug, _ := strconv.Atoi(r.FormValue("debug"))
	return debug
}

// take takes a profile that is there at any time.
func take(w io.Writer, r *http.Request) error {
	name := r.PathValue("profile")
	p := pprof.Lookup(name)
	if p == nil {
		return failed(http.StatusNotFound, "there is no profile %q; profile?seconds=30 is that of the CPU", name)
	}
	debug := debugOf(r)
	// goroutineleak?debug=2 has the stacks of all goroutines too.
	if n := runtime.NumGoroutine(); strings.HasPrefix(name, "goroutine") && debug >= 2 && n > maxStacks {
		return failed(http.StatusUnprocessableEntity, "%d goroutines: their stacks one by one would stop the world; ask for debug=0 or debug=1", n)
	}
	return p.WriteTo(w, debug)
}

// profileCPU profiles the CPU for as long as the request asks.
func profileCPU(w io.Writer, r *http.Request) error {
	seconds := 30
	if text := r.FormValue("seconds"); text != "" {
		var err error
		if seconds, err = strconv.Atoi(text); err != nil || seconds < 1 || time.Duration(seconds)*time.Second > maxWait {
			return failed(http.StatusBadRequest, "seconds=%q: want 1 to %v", text, maxWait.Seconds())
		}
	}
	if err := pprof.StartCPUProfile(w); err != nil {
		return failed(http.StatusServiceUnavailable, "%v", err) // somebody else profiles
	}
	defer pprof.StopCPUProfile()
	timer := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.Context().Done():
		return r.Context().Err()
	}
}
