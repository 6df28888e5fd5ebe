package slack

import (
	"errors"
	"strings"
	"testing"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/receiver"
	"github.com/falsifiable/stability/response"
)

func TestCard(t *testing.T) {
	to := receiver.New(t, "ok")
	r, err := New(Config{Poster: response.Poster{URL: to.URL}, CardOptions: response.CardOptions{Service: "pay"}})
	if err != nil {
		t.Fatal(err)
	}
	v := stability.Violation{Contract: "<!channel>", Name: "k", Expr: "a > 1"}
	if err := errors.Join(r.Respond(t.Context(), v), r.Recovered(t.Context(), v, stability.Transition{})); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"violated", "holds again"} {
		body := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(to.Requests()[i].Body))
		if !strings.Contains(body, want) || strings.Contains(body, "<!channel>") || !strings.Contains(body, "&lt;!channel&gt;") {
			t.Errorf("the message is %s", body)
		}
	}
}
