package receiver

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// What is posted is remembered whole, whoever posts it, and each gets the answer.
func TestReceiverRemembers(t *testing.T) {
	r := New(t, "thank you")
	var all sync.WaitGroup
	for _, body := range []string{"first", "second", "third"} {
		all.Go(func() {
			response, err := http.Post(r.URL+"/hook?token=x", "text/plain", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			if answer, err := io.ReadAll(response.Body); string(answer) != "thank you" || err != nil {
				t.Errorf("answered %q, %v", answer, err)
			}
		})
	}
	all.Wait()
	seen := make(map[string]bool)
	for _, got := range r.Requests() {
		seen[string(got.Body)] = true
		if got.Path != "/hook" || got.Query != "token=x" || got.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("remembered %s?%s with %v", got.Path, got.Query, got.Header)
		}
	}
	if len(seen) != 3 || len(r.Requests()) != 3 {
		t.Errorf("remembered %v of %d requests", seen, len(r.Requests()))
	}
}
