// Package feishu tells a Feishu (Lark) chat of violations by an interactive card, in Chinese or English.
package feishu

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/response"
)

// Config configures a [Responder].
type Config struct {
	response.Poster // URL is that of the chat's custom bot
	response.CardOptions
	// Secret is that of the bot's signature check. Defaults to none.
	Secret string
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

// Name returns "feishu".
func (*Responder) Name() string { return "feishu" }

// Respond posts the violation's card.
func (r *Responder) Respond(ctx context.Context, v stability.Violation) error {
	return r.post(ctx, response.NewCard(v, r.cfg.CardOptions))
}

// Recovered posts the card of its end.
func (r *Responder) Recovered(ctx context.Context, v stability.Violation, t stability.Transition) error {
	return r.post(ctx, response.NewEndCard(v, t, r.cfg.CardOptions))
}

type (
	message struct {
		Timestamp string `json:"timestamp,omitempty"`
		Sign      string `json:"sign,omitempty"`
		Type      string `json:"msg_type"`
		Card      card   `json:"card"`
	}
	card struct {
		Config   map[string]bool `json:"config"`
		Header   header          `json:"header"`
		Elements []any           `json:"elements"`
	}
	header struct {
		Template string `json:"template"` // the color
		Title    text   `json:"title"`
	}
	text struct {
		Tag     string `json:"tag"`
		Content string `json:"content"`
	}
	field struct {
		Short bool `json:"is_short"`
		Text  text `json:"text"`
	}
	div struct {
		Tag    string  `json:"tag"`
		Fields []field `json:"fields"`
	}
	action struct {
		Tag     string   `json:"tag"`
		Actions []button `json:"actions"`
	}
	button struct {
		Tag  string `json:"tag"`
		Text text   `json:"text"`
		URL  string `json:"url"`
		Type string `json:"type"`
	}
)

// answer is what Feishu says, with the status 200 also when it refuses.
type answer struct {
	Code    int    `json:"code"`
	Message string `json:"msg"`
}

func (r *Responder) post(ctx context.Context, c response.Card) error {
	m := message{Type: "interactive", Card: card{
		Config: map[string]bool{"wide_screen_mode": true},
		Header: header{Template: "red", Title: text{"plain_text", c.Title}},
	}}
	if c.Resolved {
		m.Card.Header.Template = "green"
	}
	var fields []field
	for _, f := range c.Fields { // as plain text: nothing in a label or an expression is ever markup
		fields = append(fields, field{Short: len(f.Value) < 32, Text: text{"plain_text", f.Name + "\n" + f.Value}})
	}
	m.Card.Elements = []any{div{"div", fields}}
	if c.Link != "" {
		m.Card.Elements = append(m.Card.Elements, action{"action", []button{
			{"button", text{"plain_text", r.cfg.Language.Word("open")}, c.Link, "primary"},
		}})
	}
	if r.cfg.Secret != "" {
		m.Timestamp = strconv.FormatInt(time.Now().Unix(), 10)
		m.Sign = sign(m.Timestamp, r.cfg.Secret)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("feishu: encoding: %w", err)
	}
	said, err := r.cfg.Post(ctx, body, nil)
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(said, &a); err != nil {
		return fmt.Errorf("feishu: the answer is not Feishu's: %w", err)
	}
	if a.Code != 0 {
		return fmt.Errorf("feishu: %w: code %d, %s", response.ErrRefused, a.Code, a.Message)
	}
	return nil
}

// sign is Feishu's signature: an HMAC of nothing whose key is the time and the secret.
func sign(timestamp, secret string) string {
	mac := hmac.New(sha256.New, []byte(timestamp+"\n"+secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
