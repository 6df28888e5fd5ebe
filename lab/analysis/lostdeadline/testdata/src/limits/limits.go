// Package limits reads bodies that were replaced before, and some that were not.
package limits

import (
	"compress/gzip"
	"io"
	"net/http"
)

func upload(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	return io.ReadAll(r.Body)
}

func download(resp *http.Response) ([]byte, error) {
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, 1<<20), resp.Body}
	return io.ReadAll(resp.Body)
}

func tooLate(w http.ResponseWriter, r *http.Request) {
	io.ReadAll(r.Body) // want `ReadAll of a body without a limit`
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
}

func another(w http.ResponseWriter, r *http.Request, resp *http.Response) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	io.ReadAll(resp.Body) // want `ReadAll of a body without a limit`
}

func zipped(resp *http.Response) ([]byte, error) {
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = z
	return io.ReadAll(resp.Body) // want `ReadAll of a body without a limit`
}

func helped(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit(w, r)
	return io.ReadAll(r.Body)
}

func limit(w http.ResponseWriter, r *http.Request) { r.Body = http.MaxBytesReader(w, r.Body, 1<<20) }

func buildRequest(body io.Reader) (*http.Request, error) {
	return http.NewRequest("POST", "http://example.test", body)
}

// logged reads the body of the request that it is about to send.
func logged(w http.ResponseWriter, body io.Reader) ([]byte, error) {
	req, err := buildRequest(body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(req.Body)
}

type framed struct{ r *http.Request }

func (f framed) Request() *http.Request { return f.r }

// served reads that of the request that it was sent.
func served(w http.ResponseWriter, f framed) ([]byte, error) {
	req := f.Request()
	return io.ReadAll(req.Body) // want `ReadAll of a body without a limit`
}
