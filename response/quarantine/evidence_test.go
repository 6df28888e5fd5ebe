package quarantine

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/response"
)

// store is an operator that keeps what it is sent, and may refuse one file.
type store struct {
	mu     sync.Mutex
	refuse string
	busy   int // how many files are told to come again
	order  []string
	files  map[string][]byte
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/v1/evidence/")
	switch {
	case r.Method == http.MethodPost:
	case err != nil || r.ContentLength != int64(len(body)) || r.Header.Get("Authorization") != "Bearer pod":
		http.Error(w, "no", http.StatusBadRequest)
	case s.busy > 0:
		s.busy--
		http.Error(w, "too many", http.StatusTooManyRequests)
	case s.refuse != "" && strings.HasSuffix(name, s.refuse):
		http.Error(w, "the store is full", http.StatusInsufficientStorage)
	default:
		s.order = append(s.order, name)
		s.files[name] = body
	}
}

// sending returns a responder that sends evidence to the store, and a bundle.
func sending(t *testing.T, s *store) (*Responder, evidence.Bundle) {
	t.Helper()
	s.files = make(map[string][]byte)
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "token"), "pod")
	write(t, filepath.Join(dir, "ca.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	r, err := New(Config{Poster: response.Poster{URL: server.URL + "/v1/violations", Tries: 1}, Evidence: true,
		TokenFile: filepath.Join(dir, "token"), CAFile: filepath.Join(dir, "ca.crt")})
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.Open(evidence.Config{Dir: filepath.Join(dir, "evidence"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Capture(t.Context(), evidence.Request{Key: "pay/leak", Documents: map[string]evidence.Document{
		"recording": func(int64) any { return []int{1, 2} }, "surroundings": func(int64) any { return "else" },
	}})
	if err != nil {
		t.Fatal(err)
	}
	return r, b
}

func TestABundleIsSentOnceAndItsManifestLast(t *testing.T) {
	var s store
	r, b := sending(t, &s)
	v := stability.Violation{Contract: "pay", Name: "leak", Strike: 1, Evidence: b.Path}
	for range 2 {
		if err := r.Respond(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.order) != len(b.Files)+1 || s.order[len(s.order)-1] != b.ID+"/manifest.json" {
		t.Fatalf("received %q of a bundle of %d files", s.order, len(b.Files))
	}
	for _, f := range b.Files {
		want, err := os.ReadFile(filepath.Join(b.Path, f.Name))
		if err != nil || !bytes.Equal(s.files[b.ID+"/"+f.Name], want) {
			t.Errorf("%s arrived as %q, %v", f.Name, s.files[b.ID+"/"+f.Name], err)
		}
	}
}

func TestEvidenceThatWasRefusedIsSentAtTheNextStrike(t *testing.T) {
	s := store{refuse: "surroundings.json"}
	r, b := sending(t, &s)
	v := stability.Violation{Contract: "pay", Name: "leak", Strike: 1, Evidence: b.Path}
	if err := r.Respond(t.Context(), v); err == nil || !strings.Contains(err.Error(), "the store is full") || !strings.Contains(err.Error(), "surroundings.json") {
		t.Errorf("a full store: %v", err)
	}
	if s.files[b.ID+"/manifest.json"] != nil {
		t.Error("a bundle that is not whole has its manifest")
	}
	s.refuse = ""
	if err := r.Respond(t.Context(), v); err != nil || s.files[b.ID+"/manifest.json"] == nil {
		t.Errorf("at the next strike: %v, received %q", err, s.order)
	}
}

// An operator that is busy in a storm is asked again, until there is no time left.
func TestABusyOperatorIsAskedAgain(t *testing.T) {
	s := store{busy: 2}
	r, b := sending(t, &s)
	if err := r.Respond(t.Context(), stability.Violation{Strike: 1, Evidence: b.Path}); err != nil || s.files[b.ID+"/manifest.json"] == nil {
		t.Errorf("busy twice: %v, received %q", err, s.order)
	}
	s = store{busy: 1 << 30}
	r, b = sending(t, &s)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := r.Respond(ctx, stability.Violation{Strike: 1, Evidence: b.Path}); err == nil {
		t.Error("an operator that stays busy is no error")
	}
}

func TestEvidenceStaysWhereItIsByDefault(t *testing.T) {
	var s store
	r, b := sending(t, &s)
	r.cfg.Evidence = false
	if err := r.Respond(t.Context(), stability.Violation{Strike: 1, Evidence: b.Path}); err != nil || len(s.order) != 0 {
		t.Errorf("sent %q, %v", s.order, err)
	}
}

func TestEvidenceThatIsGoneOrTooLarge(t *testing.T) {
	var s store
	r, b := sending(t, &s)
	if err := r.Respond(t.Context(), stability.Violation{Strike: 1, Evidence: b.Path + "-gone"}); err == nil {
		t.Error("a bundle that is gone is no error")
	}
	text, err := os.ReadFile(filepath.Join(b.Path, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	size := bytes.Index(text, []byte(`"size": `))
	grown := append(append(bytes.Clone(text[:size]), `"size": 9999999999, "was": `...), text[size+len(`"size": `):]...)
	write(t, filepath.Join(b.Path, "manifest.json"), string(grown))
	if err := r.Respond(t.Context(), stability.Violation{Strike: 1, Evidence: b.Path}); err == nil || !strings.Contains(err.Error(), "are the most") || len(s.order) != 0 {
		t.Errorf("a bundle beyond the limit: %v, sent %q", err, s.order)
	}
}
