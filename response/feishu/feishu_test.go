package feishu

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/receiver"
	"github.com/falsifiable/stability/response"
)

func responder(t *testing.T, url string) *Responder {
	r, err := New(Config{
		Poster: response.Poster{URL: url}, Secret: "s3cret",
		CardOptions: response.CardOptions{Service: "pay", Language: response.Chinese, Link: func(stability.Violation) string { return "https://pay/debug" }},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCardIsSignedAndPlain(t *testing.T) {
	to := receiver.New(t, `{"code":0,"msg":"success"}`)
	r := responder(t, to.URL)
	v := stability.Violation{Contract: "<at id=all></at>", Name: "k", Expr: "a > 1", Value: 7}
	if err := errors.Join(r.Respond(t.Context(), v), r.Recovered(t.Context(), v, stability.Transition{})); err != nil {
		t.Fatal(err)
	}
	for i, color := range []string{"red", "green"} {
		var m message
		if err := json.Unmarshal(to.Requests()[i].Body, &m); err != nil {
			t.Fatal(err)
		}
		if m.Type != "interactive" || m.Card.Header.Template != color || m.Sign != sign(m.Timestamp, "s3cret") || m.Sign == "" {
			t.Errorf("message %d is %+v", i, m)
		}
		if body := string(to.Requests()[i].Body); strings.Contains(body, "lark_md") || !strings.Contains(body, "契约") {
			t.Errorf("the card is %s", body)
		}
	}
}

// The signature that Feishu's documentation gives the way for, computed once with another tool:
// printf ” | openssl dgst -sha256 -hmac "$(printf '1599360473\ndemo')" -binary | base64
func TestSignature(t *testing.T) {
	if got := sign("1599360473", "demo"); got != "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=" {
		t.Errorf("the signature is %s", got)
	}
}

// Feishu refuses with the status 200.
func TestRefusal(t *testing.T) {
	to := receiver.New(t, `{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}`)
	if err := responder(t, to.URL).Respond(t.Context(), stability.Violation{}); !errors.Is(err, response.ErrRefused) || !strings.Contains(err.Error(), "19021") {
		t.Errorf("error %v", err)
	}
	to = receiver.New(t, `<html>`)
	if err := responder(t, to.URL).Respond(t.Context(), stability.Violation{}); err == nil {
		t.Error("an answer that is not Feishu's is accepted")
	}
}
