package main

import (
	"net/http"
	"strings"
	"testing"
)

func send(t *testing.T, url, body string) int {
	t.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// heard returns what came on a channel, "" for nothing. The receiver tells before it answers, so there is nothing to wait for.
func heard(from chan string) string {
	select {
	case text := <-from:
		return text
	default:
		return ""
	}
}

func card(template, of string) string {
	return `{"card":{"header":{"template":"` + template + `","title":{"content":"payment: contract violated"}},"elements":[
		{"fields":[{"text":{"content":"check\n` + of + `"}},{"text":{"content":"value\n2345"}}]},
		{"actions":[{"text":{"content":"open the evidence"},"url":"http://127.0.0.1/x"}]}]}}`
}

// The chat tells of the check's card and of its end, once each, and of no other check.
func TestChat(t *testing.T) {
	r, err := receive()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	own := contract + "/" + check
	for range 3 {
		send(t, r.url+"/chat", card("red", own))
	}
	if text := heard(r.cards); !strings.Contains(text, own) || !strings.Contains(text, "2345") || !strings.Contains(text, "[open the evidence] http://127.0.0.1/x") {
		t.Errorf("the card reads %q", text)
	}
	if again := heard(r.cards); again != "" {
		t.Errorf("told again: %q", again)
	}
	send(t, r.url+"/chat", card("red", "payment-stability-sla/other"))
	if other, end := heard(r.cards), heard(r.ends); other+end != "" {
		t.Errorf("told of %q, %q", other, end)
	}
	send(t, r.url+"/chat", card("green", own))
	if heard(r.ends) == "" {
		t.Error("the end is not told")
	}
	if code := send(t, r.url+"/chat", "{"); code != http.StatusBadRequest {
		t.Errorf("half a card gives %d", code)
	}
}

func alertFor(job, of, status string) string {
	return `{"alerts":[{"status":"` + status + `","labels":{"alertname":"A","severity":"page","job":"` + job + `","contract":"` + contract + `","check":"` + of + `"},"annotations":{"summary":"it is"}}]}`
}

// Of alerts only those are told that Prometheus found by its rules: they have a job.
func TestAlerts(t *testing.T) {
	r, err := receive()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	for _, body := range []string{alertFor("", check, "firing"), alertFor("payment", "other", "firing"), "{"} {
		send(t, r.url+"/alerts", body)
	}
	if text := heard(r.alerts); text != "" {
		t.Errorf("told of %q", text)
	}
	send(t, r.url+"/alerts", alertFor("payment", check, "firing"))
	send(t, r.url+"/alerts", alertFor("payment", check, "resolved"))
	if text := heard(r.alerts); !strings.Contains(text, "A, severity page") || !strings.Contains(text, "it is") {
		t.Errorf("the alert reads %q", text)
	}
	if heard(r.resolved) == "" {
		t.Error("its end is not told")
	}
}
