// Package risk asks the risk-scoring service how risky a payment is.
package risk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/retry"
	"github.com/falsifiable/stability/examples/payment/internal/payment"
)

const (
	// timeout is how long a customer may be kept waiting for a score; after that the payment goes on without.
	timeout   = 600 * time.Millisecond
	maxAnswer = 4 << 10
)

// Guard says how calls of the service are guarded. It is critical: without it no large payment is taken.
var Guard = defense.Config{
	Name:     "risk",
	Timeout:  timeout,
	Breaker:  breaker.Config{Critical: true, Window: 2 * time.Second, Timeout: 500 * time.Millisecond},
	Bulkhead: bulkhead.Config{Limit: 64},
}

// Retries says which calls are made again: those that failed at once. One that timed out has cost the customer enough.
var Retries = retry.Config{
	Name: "risk", Attempts: 2, Backoff: 10 * time.Millisecond,
	Retryable: func(err error) bool { return retry.Retryable(err) && !errors.Is(err, context.DeadlineExceeded) },
}

// Answer is what the scoring service says.
type Answer struct {
	Score float64 `json:"score"` // from 0 to 1
}

// Client implements [payment.Scorer]. It is safe for concurrent use.
type Client struct {
	url     string
	http    *http.Client
	retries *retry.Budget
}

// NewTransport returns an HTTP transport with bounded connections and waits, for NewClient.
func NewTransport() *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: timeout, KeepAlive: 15 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 32,
		MaxConnsPerHost:     64,
		IdleConnTimeout:     30 * time.Second,
	}
}

// NewClient returns a client of the service at that base URL. The transport bounds the time of a call, and retries are
// taken out of the budget.
func NewClient(baseURL string, transport http.RoundTripper, retries *retry.Budget) (*Client, error) {
	base, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("risk: reading the service's URL: %w", err)
	}
	if base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("risk: reading the service's URL: %q is not http://HOST or https://HOST", baseURL)
	}
	return &Client{url: base.JoinPath("score").String(), http: &http.Client{Transport: transport}, retries: retries}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Score returns the payment's risk.
func (c *Client) Score(ctx context.Context, r payment.Request) (float64, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return 0, fmt.Errorf("risk: asking for a score: %w", err)
	}
	return retry.Execute(ctx, c.retries, func(ctx context.Context) (float64, error) { return c.ask(ctx, body) })
}

// ask makes one attempt.
func (c *Client) ask(ctx context.Context, body []byte) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("risk: asking for a score: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("risk: asking for a score: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // to its end, so that the connection is reused
	if err != nil {
		return 0, fmt.Errorf("risk: reading the score: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("risk: asking for a score: the service answered %s", response.Status)
	}
	var answer Answer
	if err := json.Unmarshal(text, &answer); err != nil {
		return 0, fmt.Errorf("risk: reading the score: %w", err)
	}
	if answer.Score < 0 || answer.Score > 1 {
		return 0, fmt.Errorf("risk: reading the score: %v is not between 0 and 1", answer.Score)
	}
	return answer.Score, nil
}
