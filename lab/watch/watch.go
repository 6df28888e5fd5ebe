// Package watch is `stability watch`: the console of a service in a terminal.
package watch

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/falsifiable/stability"
)

// View is what a service's console tells each second.
type View struct {
	stability.Status
	Courses     map[string]Course      `json:"courses"` // of each check, by contract/check
	Transitions []stability.Transition `json:"transitions"`
	Actions     []stability.Action     `json:"actions"`
	Evidence    []Bundle               `json:"evidence"`
}

// Course is the latest judgments of a check.
type Course struct {
	Line  string `json:"line"` // its values in a line of text
	Last  string `json:"last"` // the last one and its threshold, with their unit
	Limit string `json:"limit"`
}

// Bundle is a bundle of evidence that the service has.
type Bundle struct {
	ID        string    `json:"id"`
	Key       string    `json:"key"`
	At        time.Time `json:"at"`
	Signature string    `json:"signature"`
}

// ErrRefused says that the service wants a token.
var ErrRefused = errors.New("the service refuses to show it: give its token by STABILITY_TOKEN")

// maxEvent bounds what a service may send at once.
const maxEvent = 64 << 20

// Stream calls f with each view that the console at an address sends, until f returns false, the stream ends or ctx is done. The address is
// that of the console, such as http://localhost:6061/debug/stability/.
func Stream(ctx context.Context, address, token string, f func(*View) bool) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/events", nil)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusForbidden || response.StatusCode == http.StatusUnauthorized:
		why, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return fmt.Errorf("watch: %s: %w (%s)", address, ErrRefused, bytes.TrimSpace(why))
	case response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream"):
		return fmt.Errorf("watch: %s answers %s and no events; the address is that of the console, such as http://localhost:6061/debug/stability/", address, response.Status)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok {
			continue
		}
		var v View
		if err := json.Unmarshal(data, &v); err != nil {
			return fmt.Errorf("watch: %s: %w", address, err)
		}
		if !f(&v) {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("watch: %s: %w", address, err)
	}
	return fmt.Errorf("watch: %s: %w", address, io.ErrUnexpectedEOF)
}

// Violated reports whether a check is.
func (v *View) Violated() bool {
	for _, c := range v.Contracts {
		if c.State == stability.Violated {
			return true
		}
	}
	return false
}
