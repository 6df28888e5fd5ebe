// Package own sends requests and serves none.
package own

import (
	"bytes"
	"io"
	"net/http"
)

// curl says how to send the request by hand.
func curl(req *http.Request) string {
	buf, _ := io.ReadAll(req.Body)
	req.Body = io.NopCloser(bytes.NewBuffer(buf))
	return string(buf)
}

func text(resp *http.Response) string {
	buf, _ := io.ReadAll(resp.Body) // want `ReadAll of a body without a limit`
	return string(buf)
}
