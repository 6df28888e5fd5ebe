package intake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// Limits of one file of evidence.
const (
	maxUploads = 4 // at once: a writer to S3 holds some 25 MB
	uploadTime = time.Minute
)

// What a Keeper may return.
var (
	ErrFull = errors.New("there is no room for more evidence")
	ErrName = errors.New("this is no name of a bundle or a file")
)

// Keeper keeps the evidence that pods send.
type Keeper interface {
	// Named returns ErrNotFound if no violation of the pod names the bundle. It may wait for the report to be seen.
	Named(ctx context.Context, from Sender, bundle string) error
	// Keep keeps one file, of exactly so many bytes.
	Keep(ctx context.Context, from Sender, bundle, file string, size int64, content io.Reader) error
}

// evidence takes one file of a bundle. Its size is asked for before a byte is read, because the store may not have the room.
func (h handler) evidence(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), uploadTime)
	defer cancel()
	from, err := h.sender(ctx, r)
	switch {
	case err != nil:
	case from.Pod == "" || from.PodUID == "":
		err = refuse(http.StatusForbidden, "the token is bound to no pod: mount a projected one")
	case r.ContentLength < 0:
		err = refuse(http.StatusLengthRequired, "the size of the file is not said")
	default:
		err = h.keep(ctx, w, r, from)
	}
	if err != nil {
		h.fail(w, r, from, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// keep takes a file if the pod has no other under way, if its violation names the bundle, and if there is a place: who sends what
// nobody asks for must not keep others from sending.
func (h handler) keep(ctx context.Context, w http.ResponseWriter, r *http.Request, from Sender) error {
	if !h.uploads.enter(from.PodUID) {
		return ErrBusy
	}
	defer h.uploads.leave(from.PodUID)
	if err := h.Evidence.Named(ctx, from, r.PathValue("bundle")); err != nil {
		return err
	}
	select {
	case h.uploads.places <- struct{}{}:
		defer func() { <-h.uploads.places }()
	default:
		return ErrBusy
	}
	control := http.NewResponseController(w)
	end := time.Now().Add(uploadTime)
	if err := errors.Join(control.SetReadDeadline(end), control.SetWriteDeadline(end)); err != nil {
		return err
	}
	return h.Evidence.Keep(ctx, from, r.PathValue("bundle"), r.PathValue("file"), r.ContentLength, r.Body)
}

// uploads are the files under way: one of a pod, and few in all.
type uploads struct {
	places chan struct{}
	mu     sync.Mutex
	pods   map[string]bool
}

func newUploads() *uploads {
	return &uploads{places: make(chan struct{}, maxUploads), pods: make(map[string]bool)}
}

func (u *uploads) enter(pod string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.pods[pod] {
		return false
	}
	u.pods[pod] = true
	return true
}

func (u *uploads) leave(pod string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.pods, pod)
}
