package quarantine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/falsifiable/stability/evidence"
)

// MaxEvidence is how large a bundle may be that is sent: as much as the default budget of package evidence lets one become.
const MaxEvidence = 64 << 20

// manifest is sent last: a bundle whose manifest has arrived is whole.
const manifest = "manifest.json"

// sender sends each bundle once, whichever of its checks and strikes names it.
type sender struct {
	mu   sync.Mutex
	sent map[string]bool // by the bundle's ID; also what is on its way
}

// maxSent bounds what a sender remembers. One that is forgotten is sent again, which changes nothing at the operator.
const maxSent = 64

// begin reports whether a bundle is to be sent, and by nobody else until end.
func (s *sender) begin(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent[id] {
		return false
	}
	if s.sent == nil || len(s.sent) >= maxSent {
		s.sent = make(map[string]bool)
	}
	s.sent[id] = true
	return true
}

func (s *sender) end(id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		delete(s.sent, id) // the next strike tries again
	}
}

// sendEvidence sends the bundle in a directory, a file at a time and straight from disk.
func (r *Responder) sendEvidence(ctx context.Context, path string) (err error) {
	id := filepath.Base(path)
	if path == "" || !r.evidence.begin(id) {
		return nil
	}
	defer func() { r.evidence.end(id, err) }()
	bundle, err := evidence.Stat(path)
	if err != nil {
		return err
	}
	if size := bundle.Size(); size > MaxEvidence {
		return fmt.Errorf("quarantine: evidence %s is not sent: it has %d bytes, and %d are the most", id, size, MaxEvidence)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range bundle.Files {
		if err := r.sendFile(ctx, root, id, f.Name); err != nil {
			return fmt.Errorf("quarantine: sending evidence %s/%s: %w", id, f.Name, err)
		}
	}
	if err := r.sendFile(ctx, root, id, manifest); err != nil {
		return fmt.Errorf("quarantine: sending evidence %s/%s: %w", id, manifest, err)
	}
	return nil
}

// sendFile sends one file, and again when the operator is busy, for as long as ctx lasts.
func (r *Responder) sendFile(ctx context.Context, root *os.Root, id, name string) error {
	for {
		again, err := r.tryFile(ctx, root, id, name)
		if err == nil || again == 0 {
			return err
		}
		wait := time.NewTimer(again)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return fmt.Errorf("%w (and there is no time for another try)", err)
		}
	}
}

// tryFile returns, beside an error, after how long another try would be welcome; 0: never.
func (r *Responder) tryFile(ctx context.Context, root *os.Root, id, name string) (again time.Duration, err error) {
	file, err := root.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	t, err := token(r.cfg.TokenFile)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, r.evidenceURL+url.PathEscape(id)+"/"+url.PathEscape(name), io.LimitReader(file, info.Size()))
	if err != nil {
		return 0, err
	}
	request.ContentLength = info.Size()
	if info.Size() == 0 {
		request.Body = http.NoBody
	}
	request.Header.Set("Authorization", "Bearer "+t)
	return r.put(request)
}

func (r *Responder) put(request *http.Request) (again time.Duration, err error) {
	client := *r.cfg.Client
	client.Timeout = 0 // made for reports; the context bounds how long a bundle may take
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(request)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return 0, err
	}
	defer answer.Body.Close()
	words, _ := io.ReadAll(io.LimitReader(answer.Body, 512)) // why not; the status says it too
	if answer.StatusCode < 300 {
		return 0, nil
	}
	if answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable {
		again = time.Second/2 + rand.N(time.Second) // what the operator asks for, spread
	}
	return again, fmt.Errorf("%s: %s", answer.Status, strings.TrimSpace(string(words)))
}
