package limits

import (
	"bytes"
	"io"
	"net/http"
)

type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// send sets the body of a request that goes out.
func send(d doer, b []byte) (*http.Response, error) {
	req, err := http.NewRequest("POST", "http://a", nil)
	if err != nil {
		return nil, err
	}
	req.Body = io.NopCloser(bytes.NewReader(b))
	return d.Do(req)
}

func unlimited(r *http.Request) ([]byte, error) {
	return io.ReadAll(r.Body) // want `ReadAll of a body without a limit`
}
