package webhook

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/receiver"
	"github.com/falsifiable/stability/response"
)

func TestMessagesAreSigned(t *testing.T) {
	to := receiver.New(t, "")
	r, err := New(Config{Poster: response.Poster{URL: to.URL + "/in"}, Secret: "s3cret", Service: "pay", Instance: "pod-1"})
	if err != nil {
		t.Fatal(err)
	}
	v := stability.Violation{Contract: "c", Name: "k", Strike: 2, Value: 7}
	if err := errors.Join(r.Respond(t.Context(), v), r.Recovered(t.Context(), v, stability.Transition{To: stability.Holding})); err != nil {
		t.Fatal(err)
	}
	got := to.Requests()
	if len(got) != 2 || got[0].Path != "/in" {
		t.Fatalf("received %+v", got)
	}
	for i, event := range []string{"violated", "recovered"} {
		var m Message
		if err := json.Unmarshal(got[i].Body, &m); err != nil {
			t.Fatal(err)
		}
		if m.Event != event || m.Version != 1 || m.Service != "pay" || m.Violation.Strike != 2 || (m.End != nil) != (event == "recovered") {
			t.Errorf("message %d is %+v", i, m)
		}
		header := got[i].Header.Get(SignatureHeader)
		if err := Verify(header, got[i].Body, "s3cret", time.Minute); err != nil {
			t.Errorf("%v: %s", err, header)
		}
		if Verify(header, got[i].Body, "another", time.Minute) == nil || Verify(header, append(got[i].Body, ' '), "s3cret", time.Minute) == nil {
			t.Error("a wrong secret or body is accepted")
		}
		if Verify(sign(got[i].Body, "s3cret", time.Now().Add(-time.Hour).Unix()), got[i].Body, "s3cret", time.Minute) == nil {
			t.Error("an old signature is accepted")
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("no address is accepted")
	}
}
