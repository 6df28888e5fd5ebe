package console

import (
	"net/http"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

// servePprof serves profiles of the running service as net/http/pprof does, which is not imported: it would add its pages to
// http.DefaultServeMux of whoever links this package. One at a time.
func (c *console) servePprof(w http.ResponseWriter, r *http.Request) {
	if !c.taking.TryLock() {
		refuseBusy(w, "another capture is being taken; try again when it has ended")
		return
	}
	defer c.taking.Unlock()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(maxWait + writeWithin))
	name := r.PathValue("profile")
	if name == "profile" {
		profileCPU(w, r)
		return
	}
	p := pprof.Lookup(name)
	if p == nil {
		http.Error(w, "there is no profile "+strconv.Quote(name)+"; profile?seconds=30 is that of the CPU", http.StatusNotFound)
		return
	}
	debug, _ := strconv.Atoi(r.FormValue("debug")) // what is no number is 0, as in net/http/pprof
	// goroutineleak?debug=2 has the stacks of all goroutines too.
	if n := runtime.NumGoroutine(); strings.HasPrefix(name, "goroutine") && debug >= 2 && n > maxStacks {
		http.Error(w, strconv.Itoa(n)+" goroutines: their stacks one by one would stop the world; ask for debug=0 or debug=1", http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if debug > 0 {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	_ = p.WriteTo(w, debug) // an error is that of a client who has gone
}

// profileCPU profiles the CPU for as long as the request asks.
func profileCPU(w http.ResponseWriter, r *http.Request) {
	seconds := 30
	if text := r.FormValue("seconds"); text != "" {
		var err error
		if seconds, err = strconv.Atoi(text); err != nil || seconds < 1 || time.Duration(seconds)*time.Second > maxWait {
			http.Error(w, "seconds="+strconv.Quote(text)+": want 1 to "+strconv.Itoa(int(maxWait.Seconds())), http.StatusBadRequest)
			return
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := pprof.StartCPUProfile(w); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable) // somebody else profiles
		return
	}
	defer pprof.StopCPUProfile()
	timer := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}
