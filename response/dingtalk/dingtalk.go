// Package dingtalk tells a DingTalk group of violations, by a custom robot.
package dingtalk

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/response"
)

// Config configures a [Responder].
type Config struct {
	response.Poster // URL is that of the robot
	response.CardOptions
	// Secret is that of the robot's signature. Defaults to none.
	Secret string
}

// Responder posts messages in Markdown. Safe for concurrent use. Make one with [New].
type Responder struct{ cfg Config }

var _ stability.RecoveryResponder = (*Responder)(nil)

// New returns a responder, or an error about the address.
func New(cfg Config) (*Responder, error) {
	if err := cfg.Poster.Validate(); err != nil {
		return nil, err
	}
	return &Responder{cfg}, nil
}

// Name returns "dingtalk".
func (*Responder) Name() string { return "dingtalk" }

// Respond posts the violation's card.
func (r *Responder) Respond(ctx context.Context, v stability.Violation) error {
	return r.post(ctx, response.NewCard(v, r.cfg.CardOptions))
}

// Recovered posts the card of its end.
func (r *Responder) Recovered(ctx context.Context, v stability.Violation, t stability.Transition) error {
	return r.post(ctx, response.NewEndCard(v, t, r.cfg.CardOptions))
}

func (r *Responder) post(ctx context.Context, c response.Card) error {
	var text strings.Builder
	fmt.Fprintf(&text, "### %s\n", escape(c.Title))
	for _, f := range c.Fields {
		fmt.Fprintf(&text, "\n- **%s** %s", escape(f.Name), escape(f.Value))
	}
	if c.Link != "" {
		fmt.Fprintf(&text, "\n\n[%s](%s)", r.cfg.Language.Word("open"), c.Link)
	}
	body, err := json.Marshal(map[string]any{
		"msgtype": "markdown", "markdown": map[string]string{"title": c.Title, "text": text.String()},
	})
	if err != nil {
		return fmt.Errorf("dingtalk: encoding: %w", err)
	}
	said, err := r.cfg.Post(ctx, body, func(request *http.Request) {
		if r.cfg.Secret != "" {
			stamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
			query := request.URL.Query()
			query.Set("timestamp", stamp)
			query.Set("sign", sign(stamp, r.cfg.Secret))
			request.URL.RawQuery = query.Encode()
		}
	})
	if err != nil {
		return err
	}
	var answer struct {
		Code    int    `json:"errcode"`
		Message string `json:"errmsg"`
	}
	if err := json.Unmarshal(said, &answer); err != nil {
		return fmt.Errorf("dingtalk: the answer is not DingTalk's: %w", err)
	}
	if answer.Code != 0 {
		return fmt.Errorf("dingtalk: %w: code %d, %s", response.ErrRefused, answer.Code, answer.Message)
	}
	return nil
}

// sign is DingTalk's signature: the HMAC of the time and the secret, by the secret.
func sign(timestamp, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "\n" + secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// escape keeps text from being read as Markdown.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", "\n", " ").Replace(s)
}
