package intake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// Limits of one file of evidence.
const (
	maxUploads = 4 // at once: a writer to S3 holds some 25 MB
	uploadTime = time.Minute
)

// ErrFull is what a Keeper returns that has no room for a file.
var ErrFull = errors.New("there is no room for more evidence")

// Keeper keeps the evidence that pods send.
type Keeper interface {
	// Keep keeps one file, of exactly so many bytes, of a bundle that a violation of this pod names; there is ErrNotFound for others.
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

func (h handler) keep(ctx context.Context, w http.ResponseWriter, r *http.Request, from Sender) error {
	select {
	case h.uploads <- struct{}{}:
		defer func() { <-h.uploads }()
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
