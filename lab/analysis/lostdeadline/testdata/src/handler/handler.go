// Package handler leaves the limit to http.MaxBytesHandler.
package handler

import (
	"io"
	"net/http"
)

func routes() http.Handler { return http.MaxBytesHandler(http.HandlerFunc(echo), 1<<20) }

func echo(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	w.Write(b)
}

func get(resp *http.Response) ([]byte, error) {
	return io.ReadAll(resp.Body) // want `ReadAll of a body without a limit`
}
