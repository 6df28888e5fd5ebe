package httpserver

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// upload is a request's body that is followed: a request whose body still comes is not stuck.
type upload struct {
	io.ReadCloser
	tracker *Tracker
	read    atomic.Int64 // a time.Duration since the tracker's epoch
}

// largeBody is the size from which a body is followed; a smaller one comes at once or not at all.
const largeBody = 64 << 10

// follow puts an upload in place of a request's large body, nil if it has none.
func (t *Tracker) follow(r *http.Request) *upload {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength >= 0 && r.ContentLength < largeBody {
		return nil
	}
	u := &upload{ReadCloser: r.Body, tracker: t}
	r.Body = u
	return u
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if n > 0 {
		u.read.Store(int64(time.Since(u.tracker.epoch)))
	}
	return n, err
}
