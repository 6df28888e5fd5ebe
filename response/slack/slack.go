// Package slack tells a Slack channel of violations, by an incoming webhook.
package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/response"
)

// Config configures a [Responder].
type Config struct {
	response.Poster // URL is that of the incoming webhook
	response.CardOptions
}

// Responder posts cards. Safe for concurrent use. Make one with [New].
type Responder struct{ cfg Config }

var _ stability.RecoveryResponder = (*Responder)(nil)

// New returns a responder, or an error about the address.
func New(cfg Config) (*Responder, error) {
	if err := cfg.Poster.Validate(); err != nil {
		return nil, err
	}
	return &Responder{cfg}, nil
}

// Name returns "slack".
func (*Responder) Name() string { return "slack" }

// Respond posts the violation's card.
func (r *Responder) Respond(ctx context.Context, v stability.Violation) error {
	return r.post(ctx, response.NewCard(v, r.cfg.CardOptions))
}

// Recovered posts the card of its end.
func (r *Responder) Recovered(ctx context.Context, v stability.Violation, t stability.Transition) error {
	return r.post(ctx, response.NewEndCard(v, t, r.cfg.CardOptions))
}

func (r *Responder) post(ctx context.Context, c response.Card) error {
	color := "#c0392b"
	if c.Resolved {
		color = "#27ae60"
	}
	type field struct {
		Title string `json:"title"`
		Value string `json:"value"`
		Short bool   `json:"short"`
	}
	var fields []field
	for _, f := range c.Fields {
		fields = append(fields, field{f.Name, escape(f.Value), len(f.Value) < 32})
	}
	body, err := json.Marshal(map[string]any{"attachments": []map[string]any{{
		"color": color, "title": escape(c.Title), "title_link": c.Link, "fallback": c.Title, "fields": fields,
	}}})
	if err != nil {
		return fmt.Errorf("slack: encoding: %w", err)
	}
	_, err = r.cfg.Post(ctx, body, nil)
	return err
}

// escape keeps text from being read as a link or a mention.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
