// Package webhook posts violations and their ends as JSON to a receiver of one's own, signed.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/response"
)

// SignatureHeader holds "t=UNIX,v1=HEX": when the request was made, and the HMAC-SHA256 of "UNIX.BODY" by the secret.
const SignatureHeader = "Stability-Signature"

// Config configures a [Responder].
type Config struct {
	response.Poster
	// Secret signs requests. Defaults to none: they are not signed.
	Secret string
	// Service and Instance say who sends.
	Service, Instance string
}

// Message is the body of a request. Its version is 1; fields may be added.
type Message struct {
	Version   int                   `json:"version"`
	Event     string                `json:"event"` // "violated", at each strike, or "recovered"
	Service   string                `json:"service,omitempty"`
	Instance  string                `json:"instance,omitempty"`
	Violation stability.Violation   `json:"violation"`
	End       *stability.Transition `json:"end,omitempty"`
}

// Responder posts messages. Safe for concurrent use. Make one with [New].
type Responder struct{ cfg Config }

var _ stability.RecoveryResponder = (*Responder)(nil)

// New returns a responder, or an error about the address.
func New(cfg Config) (*Responder, error) {
	if err := cfg.Poster.Validate(); err != nil {
		return nil, err
	}
	return &Responder{cfg}, nil
}

// Name returns "webhook".
func (*Responder) Name() string { return "webhook" }

// Respond posts the violation.
func (r *Responder) Respond(ctx context.Context, v stability.Violation) error {
	return r.post(ctx, Message{Event: "violated", Violation: v})
}

// Recovered posts the end of a violation.
func (r *Responder) Recovered(ctx context.Context, v stability.Violation, t stability.Transition) error {
	return r.post(ctx, Message{Event: "recovered", Violation: v, End: &t})
}

func (r *Responder) post(ctx context.Context, m Message) error {
	m.Version, m.Service, m.Instance = 1, r.cfg.Service, r.cfg.Instance
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("webhook: encoding: %w", err)
	}
	_, err = r.cfg.Post(ctx, body, func(request *http.Request) {
		if r.cfg.Secret != "" {
			request.Header.Set(SignatureHeader, sign(body, r.cfg.Secret, time.Now().Unix()))
		}
	})
	return err
}

func sign(body []byte, secret string, at int64) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at, body)
	return fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil)))
}

// ErrSignature says that a request was not signed with the secret, or too long ago.
var ErrSignature = errors.New("webhook: the signature does not fit")

// Verify is for receivers: it reports whether a body was signed with the secret within tolerance of now.
func Verify(header string, body []byte, secret string, tolerance time.Duration) error {
	stamp, _, _ := strings.Cut(strings.TrimPrefix(header, "t="), ",")
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > tolerance || !hmac.Equal([]byte(header), []byte(sign(body, secret, at))) {
		return ErrSignature
	}
	return nil
}
