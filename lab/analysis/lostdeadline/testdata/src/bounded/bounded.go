// Package bounded has a client without Timeout, and a context for each of its requests.
package bounded

import (
	"context"
	"net/http"
)

var client = newClient()

func newClient() *http.Client { return &http.Client{Transport: http.DefaultTransport} }

func Get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return client.Do(req)
}
