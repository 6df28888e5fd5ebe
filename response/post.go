package response

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// ErrRefused says that a receiver does not want the message: another try would not be wanted either.
var ErrRefused = errors.New("the receiver refused the message")

// Poster sends JSON to one address. Errors and logs never show more of the address than its host: the rest of a chat's webhook
// is a secret. Redirects are not followed. The zero value but for URL is useful. Safe for concurrent use.
type Poster struct {
	// URL is where to. Required; http or https.
	URL string
	// Client defaults to one with a limit of 5 s for each try.
	Client *http.Client
	// Tries is how often a message is sent that fails by the network, by a status of 500 or above, or by 429. Defaults to 3.
	Tries int
	// Backoff is the mean wait before the second try; it doubles. Defaults to 500 ms.
	Backoff time.Duration
}

var defaultClient = &http.Client{Timeout: 5 * time.Second}

// Validate reports what is wrong with the address, without showing it.
func (p Poster) Validate() error {
	u, err := url.Parse(p.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("response: the URL is not of the form https://host/path")
	}
	return nil
}

// host is what may be shown of the address.
func (p Poster) host() string {
	u, err := url.Parse(p.URL)
	if err != nil {
		return "the receiver"
	}
	return u.Host
}

// Post sends a body and returns the answer to the first try that is accepted. prepare, if it is not nil, is given each request
// before it is sent, to sign it or to add to its address.
func (p Poster) Post(ctx context.Context, body []byte, prepare func(*http.Request)) ([]byte, error) {
	tries, backoff := p.Tries, p.Backoff
	if tries <= 0 {
		tries = 3
	}
	if backoff <= 0 {
		backoff = 500 * time.Millisecond
	}
	for try := 1; ; try++ {
		answer, err := p.once(ctx, body, prepare)
		if err == nil || errors.Is(err, ErrRefused) || try == tries {
			return answer, err
		}
		wait := time.NewTimer(backoff/2 + rand.N(backoff))
		select {
		case <-wait.C:
			backoff *= 2
		case <-ctx.Done():
			wait.Stop()
		}
		if ctx.Err() != nil { // also where both came together
			return nil, fmt.Errorf("%w (and there is no time for another try)", err)
		}
	}
}

func (p Poster) once(ctx context.Context, body []byte, prepare func(*http.Request)) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(body))
	if err != nil {
		return nil, p.Validate()
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	if prepare != nil {
		prepare(request)
	}
	client := *defaultClient
	if p.Client != nil {
		client = *p.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("response: posting to %s: %w", p.host(), reason(err))
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch status := response.StatusCode; {
	case status >= 500 || status == http.StatusTooManyRequests:
		return nil, fmt.Errorf("response: posting to %s: %s", p.host(), response.Status)
	case status >= 300:
		return nil, fmt.Errorf("response: posting to %s: %w: %s", p.host(), ErrRefused, response.Status)
	case err != nil:
		return nil, fmt.Errorf("response: posting to %s: reading the answer: %w", p.host(), reason(err))
	}
	return answer, nil
}

// reason takes the address out of an error of net/http.
func reason(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
