package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/falsifiable/stability"
)

// view is what the page shows.
type view struct {
	stability.Status
	Courses     map[string]course  `json:"courses"` // of each check, by contract/check
	Causes      map[string]string  `json:"causes"`
	Transitions []change           `json:"transitions"`     // the latest, oldest first
	Actions     []stability.Action `json:"actions"`         // the same
	Evidence    []bundle           `json:"evidence"`        // newest first
	Older       int                `json:"older,omitempty"` // bundles that are not in Evidence; /evidence/ lists all
	Pprof       bool               `json:"pprof,omitempty"` // the running service may be asked
}

type bundle struct {
	ID        string    `json:"id"`
	Key       string    `json:"key"`
	At        time.Time `json:"at"`
	Signature string    `json:"signature"`
	Files     []string  `json:"files"`
}

// What the page shows at most: it is for a glance, and each look is sent to each viewer.
const (
	transitionsShown = 100
	actionsShown     = 100
	bundlesShown     = 20
	instancesShown   = 10
)

// look reads all that the page shows.
func (c *console) look() []byte {
	v := view{Status: c.monitor.Status(), Courses: make(map[string]course), Causes: make(map[string]string), Pprof: c.cfg.Pprof}
	for i := range v.Contracts {
		for j := range v.Contracts[i].Checks {
			k := &v.Contracts[i].Checks[j]
			k.Instances = k.Instances[:min(len(k.Instances), instancesShown)]
			v.Courses[v.Contracts[i].Name+"/"+k.Name] = courseOf(k, c.monitor.History(v.Contracts[i].Name, k.Name))
			if c.cfg.Explain != nil && k.Cause != "" {
				v.Causes[k.Cause] = c.cfg.Explain(k.Cause, v.Status)
			}
		}
	}
	happened := c.monitor.Transitions(0)
	v.Transitions = changes(happened[max(0, len(happened)-transitionsShown):], &v.Status)
	v.Actions = c.monitor.Actions(0)
	v.Actions = v.Actions[max(0, len(v.Actions)-actionsShown):]
	manifests, _ := c.bundles() // what cannot be read is not shown; /evidence/ says why
	for _, m := range manifests[:min(len(manifests), bundlesShown)] {
		b := bundle{ID: m.ID, Key: m.Key, At: m.At, Signature: m.Signature}
		for _, f := range m.Files {
			b.Files = append(b.Files, f.Name)
		}
		v.Evidence = append(v.Evidence, b)
	}
	v.Older = len(manifests) - len(v.Evidence)
	content, err := json.Marshal(v)
	if err != nil {
		return nil // nothing in it can fail to be encoded: values are finite
	}
	return content
}

// stream shows every viewer the same look, taken once a second while there is one.
type stream struct {
	look func() []byte

	mu      sync.Mutex
	viewers map[chan []byte]bool
	stop    chan struct{} // ends the goroutine that looks
}

const (
	lookEvery  = time.Second
	maxViewers = 200
	// writeWithin is how long a viewer may take to read one look.
	writeWithin = 10 * time.Second
)

func (s *stream) serve(w http.ResponseWriter, r *http.Request) {
	looks, ok := s.enter()
	if !ok {
		http.Error(w, fmt.Sprintf("there are %d viewers already", maxViewers), http.StatusServiceUnavailable)
		return
	}
	defer s.leave(looks)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	control := http.NewResponseController(w)
	for content := s.look(); ; {
		_ = control.SetWriteDeadline(time.Now().Add(writeWithin)) // where there are none, the connection's own limits hold
		if _, err := fmt.Fprintf(w, "data: %s\n\n", content); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		select {
		case content = <-looks:
		case <-r.Context().Done():
			return
		}
	}
}

func (s *stream) enter() (chan []byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.viewers) >= maxViewers {
		return nil, false
	}
	if len(s.viewers) == 0 {
		s.viewers, s.stop = make(map[chan []byte]bool), make(chan struct{})
		go s.watch(s.stop)
	}
	looks := make(chan []byte, 1)
	s.viewers[looks] = true
	return looks, true
}

func (s *stream) leave(looks chan []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.viewers, looks)
	if len(s.viewers) == 0 {
		close(s.stop)
	}
}

func (s *stream) watch(stop chan struct{}) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		content := s.look()
		s.mu.Lock()
		for viewer := range s.viewers {
			select {
			case viewer <- content:
			default: // it is still at the last one
			}
		}
		s.mu.Unlock()
	}
}
