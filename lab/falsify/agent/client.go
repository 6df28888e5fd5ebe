// Package agent talks to the fault agent inside a service under test. The protocol is described in fault/wire.go.
package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/signals"
)

// ErrRefused wraps what the agent says about an order that it does not take.
var ErrRefused = errors.New("agent: refused")

// Client is a connection to one agent. Safe for concurrent use; close it.
type Client struct {
	transport *http.Transport
	client    http.Client
}

// callLimit bounds one call: a service which burns all its CPU still answers, but takes its time.
const callLimit = 10 * time.Second

// New returns a client of the agent on a Unix socket. It does not connect yet.
func New(socket string) *Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	return &Client{transport: transport, client: http.Client{Transport: transport, Timeout: callLimit}}
}

// Close drops the connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Hello returns what the agent says of itself.
func (c *Client) Hello(ctx context.Context) (fault.Hello, error) {
	return call[fault.Hello](ctx, c, http.MethodGet, "/v1/hello", nil)
}

// Monitors returns a snapshot of each monitor that runs in the service, with the transitions after seq.
func (c *Client) Monitors(ctx context.Context, after uint64) ([]stability.Snapshot, error) {
	return call[[]stability.Snapshot](ctx, c, http.MethodGet, "/v1/monitors?after="+strconv.FormatUint(after, 10), nil)
}

// Schema returns the declarations of all signals that the service's monitors know, each once.
func (c *Client) Schema(ctx context.Context) ([]signals.Desc, error) {
	perMonitor, err := call[[][]signals.Desc](ctx, c, http.MethodGet, "/v1/schema", nil)
	var all []signals.Desc
	known := make(map[string]bool)
	for _, descs := range perMonitor {
		for _, d := range descs {
			if !known[d.Name] {
				known[d.Name] = true
				all = append(all, d)
			}
		}
	}
	return all, err
}

// Inject orders a fault and returns the order's id. A wrong order gives an error that wraps ErrRefused.
func (c *Client) Inject(ctx context.Context, name string, order fault.Order) (id string, err error) {
	ordered, err := call[fault.Ordered](ctx, c, http.MethodPost, "/v1/faults/"+name, order)
	return ordered.ID, err
}

// Witness asks whether an ordered fault has its effect.
func (c *Client) Witness(ctx context.Context, id string) (fault.Witness, error) {
	return call[fault.Witness](ctx, c, http.MethodGet, "/v1/faults/"+id, nil)
}

// Remove ends a fault and returns what it left behind.
func (c *Client) Remove(ctx context.Context, id string) (fault.Residue, error) {
	return call[fault.Residue](ctx, c, http.MethodDelete, "/v1/faults/"+id, nil)
}

func call[Answer any](ctx context.Context, c *Client, method, path string, body any) (answer Answer, err error) {
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return answer, fmt.Errorf("agent: %s %s: %w", method, path, err)
		}
		payload = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, payload)
	if err != nil {
		return answer, fmt.Errorf("agent: %w", err)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return answer, fmt.Errorf("agent: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 400 {
		var refusal fault.Refusal
		if err := json.NewDecoder(response.Body).Decode(&refusal); err != nil || refusal.Error == "" {
			refusal.Error = response.Status
		}
		return answer, fmt.Errorf("%w: %s", ErrRefused, refusal.Error)
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("agent: %s %s: reading the answer: %w", method, path, err)
	}
	return answer, nil
}
