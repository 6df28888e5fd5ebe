package httpserver

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// writer notes the status of a response. It offers on its own what can be offered over any ResponseWriter; what
// the one below may not be able to do is added by the types at the end of this file.
type writer struct {
	inner  http.ResponseWriter
	flight *flight // not to be touched once ended: it then serves another request
	status int32   // 0 until the header is written
	ended  atomic.Bool
}

// end counts the request as answered, once.
func (w *writer) end(panicked bool) {
	if w.ended.CompareAndSwap(false, true) {
		w.flight.end(panicked || w.status >= 500)
	}
}

// expose returns w with the abilities of the writer below: code finds out by type assertion what a writer can do,
// so it must not promise more, nor less.
func (w *writer) expose() http.ResponseWriter {
	_, flush := w.inner.(http.Flusher)
	_, hijack := w.inner.(http.Hijacker)
	_, push := w.inner.(http.Pusher)
	switch {
	case flush && hijack && push:
		return flushHijackPusher{w}
	case flush && hijack: // HTTP/1
		return flushHijacker{w}
	case flush && push: // HTTP/2
		return flushPusher{w}
	case hijack && push:
		return hijackPusher{w}
	case flush:
		return flusher{w}
	case hijack:
		return hijacker{w}
	case push: // http.TimeoutHandler
		return pushOnly{w}
	}
	return w
}

// Unwrap serves http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.inner }

func (w *writer) Header() http.Header { return w.inner.Header() }

func (w *writer) WriteHeader(status int) {
	informational := status >= 100 && status < 200 && status != http.StatusSwitchingProtocols
	if w.status == 0 && !informational {
		w.status = int32(status)
	}
	w.inner.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	w.headerWritten()
	return w.inner.Write(p)
}

func (w *writer) WriteString(s string) (int, error) {
	w.headerWritten()
	return io.WriteString(w.inner, s)
}

// ReadFrom lets net/http send a file without copying it through the process.
func (w *writer) ReadFrom(src io.Reader) (int64, error) {
	w.headerWritten()
	if r, ok := w.inner.(io.ReaderFrom); ok {
		return r.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{w.inner}, src)
}

// CloseNotify is deprecated but still called by frameworks, which panic without it.
func (w *writer) CloseNotify() <-chan bool {
	//lint:ignore SA1019 see above
	if c, ok := w.inner.(http.CloseNotifier); ok {
		return c.CloseNotify()
	}
	return make(chan bool)
}

func (w *writer) headerWritten() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if !w.ended.Load() && !w.flight.answering.Load() {
		w.flight.answering.Store(true)
	}
}

func (w *writer) flush() error {
	w.headerWritten()
	if !w.ended.Load() {
		w.flight.stream()
	}
	return http.NewResponseController(w.inner).Flush()
}

// hijack ends the request when it succeeds: the connection is the handler's then, for as long as it likes.
func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.inner).Hijack()
	if err == nil {
		w.end(false)
	}
	return conn, rw, err
}

func (w *writer) push(target string, opts *http.PushOptions) error {
	return w.inner.(http.Pusher).Push(target, opts)
}

type (
	flusher           struct{ *writer }
	hijacker          struct{ *writer }
	pushOnly          struct{ *writer }
	flushHijacker     struct{ *writer }
	flushPusher       struct{ *writer }
	hijackPusher      struct{ *writer }
	flushHijackPusher struct{ *writer }
)

func (w flusher) Flush()                      { _ = w.flush() }
func (w flusher) FlushError() error           { return w.flush() }
func (w flushHijacker) Flush()                { _ = w.flush() }
func (w flushHijacker) FlushError() error     { return w.flush() }
func (w flushPusher) Flush()                  { _ = w.flush() }
func (w flushPusher) FlushError() error       { return w.flush() }
func (w flushHijackPusher) Flush()            { _ = w.flush() }
func (w flushHijackPusher) FlushError() error { return w.flush() }

func (w hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error)          { return w.hijack() }
func (w flushHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error)     { return w.hijack() }
func (w hijackPusher) Hijack() (net.Conn, *bufio.ReadWriter, error)      { return w.hijack() }
func (w flushHijackPusher) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

func (w pushOnly) Push(target string, opts *http.PushOptions) error     { return w.push(target, opts) }
func (w flushPusher) Push(target string, opts *http.PushOptions) error  { return w.push(target, opts) }
func (w hijackPusher) Push(target string, opts *http.PushOptions) error { return w.push(target, opts) }
func (w flushHijackPusher) Push(target string, opts *http.PushOptions) error {
	return w.push(target, opts)
}
