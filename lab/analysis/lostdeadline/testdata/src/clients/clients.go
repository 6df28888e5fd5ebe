// Package clients judges each client by its own requests.
package clients

import (
	"context"
	"io"
	"net/http"
	"time"
)

func inPlace(ctx2 *http.Request, url string) ([]byte, error) {
	return nil, nil
}

func withContext(url string) ([]byte, error) {
	client := http.Client{}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}

func withContextBefore(url string) (*http.Response, error) {
	client := &http.Client{}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req = req.WithContext(ctx)
	return client.Do(req)
}

// other has a time-out; its Get says nothing about its neighbors.
func other(u string) (*http.Response, error) {
	client := http.Client{Timeout: 30 * time.Second}
	return client.Get(u)
}

// bare is not bounded by what its neighbors do.
func bare(u string) (*http.Response, error) {
	client := &http.Client{} // want `http.Client without Timeout, and a request that it makes has no context`
	return client.Get(u)
}

func plain(u string) (*http.Response, error) {
	client := http.Client{Transport: http.DefaultTransport} // want `http.Client without Timeout, and a request that it makes has no context`
	req, err := http.NewRequest(http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	return client.Do(req)
}

type api struct{ client *http.Client }

func newAPI() *api {
	return &api{client: &http.Client{}} // want `http.Client without Timeout, and a request that it makes has no context`
}

func (a *api) get(u string) (*http.Response, error) { return a.client.Get(u) }
