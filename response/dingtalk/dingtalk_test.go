package dingtalk

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/receiver"
	"github.com/falsifiable/stability/response"
)

func TestMessageIsSignedAndPlain(t *testing.T) {
	to := receiver.New(t, `{"errcode":0,"errmsg":"ok"}`)
	r, err := New(Config{Poster: response.Poster{URL: to.URL + "/robot/send?access_token=x"}, Secret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	v := stability.Violation{Contract: "[click](http://evil)", Name: "k", Expr: "a > 1"}
	if err := errors.Join(r.Respond(t.Context(), v), r.Recovered(t.Context(), v, stability.Transition{})); err != nil {
		t.Fatal(err)
	}
	got := to.Requests()[0]
	query, err := url.ParseQuery(got.Query)
	if err != nil || query.Get("access_token") != "x" || query.Get("sign") != sign(query.Get("timestamp"), "s3cret") {
		t.Errorf("the query is %s (%v)", got.Query, err)
	}
	var m struct{ Markdown struct{ Text string } }
	if err := json.Unmarshal(got.Body, &m); err != nil || strings.Contains(m.Markdown.Text, "[click](") || !strings.Contains(m.Markdown.Text, "### stability") {
		t.Errorf("the text is %s (%v)", m.Markdown.Text, err)
	}
	refusing := receiver.New(t, `{"errcode":310000,"errmsg":"sign not match"}`)
	r.cfg.URL = refusing.URL
	if err := r.Respond(t.Context(), v); !errors.Is(err, response.ErrRefused) || !strings.Contains(err.Error(), "310000") {
		t.Errorf("error %v", err)
	}
}
