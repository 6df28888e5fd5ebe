package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/response/quarantine"
	authenticationv1 "k8s.io/api/authentication/v1"
)

type reviewer map[string]Sender

func (r reviewer) Review(_ context.Context, token string) (Sender, error) {
	if s, ok := r[token]; ok {
		return s, nil
	}
	return Sender{}, ErrToken
}

type recorder struct {
	mu  sync.Mutex
	got []Report
	err error
}

func (r *recorder) Record(_ context.Context, report Report) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, report)
	return r.err
}

func body(t *testing.T, v stability.Violation) string {
	t.Helper()
	text, err := json.Marshal(quarantine.Report{Version: 1, Event: quarantine.Violated, Violation: v})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhoSpeaksAndWhatIsTaken(t *testing.T) {
	good := stability.Violation{Contract: "pay", Name: "leak", Strike: 3, Value: 7, Proven: true}
	bad := good
	bad.Strike = 0
	alerts := `{"alerts":[{"status":"firing","labels":{"namespace":"shop","contract":"pay","check":"slow","pod":"pay-2"}},{"status":"firing","labels":{"alertname":"Other"}}]}`
	for name, test := range map[string]struct {
		path, token, body string
		err               error
		status, recorded  int
	}{
		"good":                  {"/v1/violations", "pod", body(t, good), nil, 200, 1},
		"no token":              {"/v1/violations", "", body(t, good), nil, 401, 0},
		"a wrong token":         {"/v1/violations", "guess", body(t, good), nil, 401, 0},
		"bound to no pod":       {"/v1/violations", "am", body(t, good), nil, 403, 0},
		"no JSON":               {"/v1/violations", "pod", "{", nil, 400, 0},
		"a future version":      {"/v1/violations", "pod", `{"version":2}`, nil, 400, 0},
		"no strike":             {"/v1/violations", "pod", body(t, bad), nil, 400, 0},
		"100 MB":                {"/v1/violations", "pod", strings.Repeat("x", 100<<20), nil, 413, 0},
		"busy":                  {"/v1/violations", "pod", body(t, good), ErrBusy, 429, 1},
		"no contract":           {"/v1/violations", "pod", body(t, good), ErrNotFound, 404, 1},
		"the API is away":       {"/v1/violations", "pod", body(t, good), errors.New("away"), 503, 1},
		"alerts":                {"/v1/alertmanager", "am", alerts, nil, 200, 1},
		"alerts by a pod":       {"/v1/alertmanager", "pod", alerts, nil, 403, 0},
		"alerts unknown":        {"/v1/alertmanager", "am", alerts, ErrNotFound, 200, 1},
		"too many alerts":       {"/v1/alertmanager", "am", `{"alerts":[` + strings.Repeat("{},", 100) + `{}]}`, nil, 400, 0},
		"there is no such path": {"/v1/other", "pod", "", nil, 404, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var logged bytes.Buffer
			r := &recorder{err: test.err}
			h := Handler(Config{Recorder: r, Alertmanager: "monitoring/alertmanager", Log: slog.New(slog.NewTextHandler(&logged, nil)),
				Reviewer: reviewer{"pod": {"shop", "pay", "pay-1", "u1"}, "am": {"monitoring", "alertmanager", "", ""}}})
			request := httptest.NewRequest(http.MethodPost, test.path, strings.NewReader(test.body))
			if test.token != "" {
				request.Header.Set("Authorization", "Bearer "+test.token)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, request)
			if w.Code != test.status || len(r.got) != test.recorded {
				t.Fatalf("status %d with %d recorded, want %d with %d: %s", w.Code, len(r.got), test.status, test.recorded, w.Body)
			}
			if test.token != "" && strings.Contains(logged.String(), "guess") {
				t.Error("the token is in the log")
			}
			if name == "good" && (r.got[0].Pod != "pay-1" || r.got[0].UID != "u1" || r.got[0].Namespace != "shop" || !r.got[0].Proven) {
				t.Errorf("recorded %+v", r.got[0])
			}
			if name == "alerts" && (r.got[0].Proven || r.got[0].Strike != 1 || r.got[0].Source != "alertmanager") {
				t.Errorf("an alert counts for more than a first strike: %+v", r.got[0])
			}
		})
	}
}

// A body without end is not read to its end.
func TestABodyWithoutEndIsCutOff(t *testing.T) {
	endless := &counting{}
	request := httptest.NewRequest(http.MethodPost, "/v1/violations", endless)
	request.Header.Set("Authorization", "Bearer pod")
	w := httptest.NewRecorder()
	Handler(Config{Recorder: &recorder{}, Reviewer: reviewer{"pod": {"shop", "pay", "pay-1", "u1"}}, Log: slog.New(slog.DiscardHandler)}).ServeHTTP(w, request)
	if w.Code != 413 || endless.n > 4*MaxBody {
		t.Errorf("status %d after reading %d bytes", w.Code, endless.n)
	}
}

type counting struct{ n int }

func (c *counting) Read(p []byte) (int, error) { c.n += len(p); return len(p), nil }

var _ io.Reader = (*counting)(nil)

func TestTokenReview(t *testing.T) {
	calls := 0
	status := authenticationv1.TokenReviewStatus{Authenticated: true, Audiences: []string{Audience}, User: authenticationv1.UserInfo{
		Username: "system:serviceaccount:shop:pay", Extra: map[string]authenticationv1.ExtraValue{podName: {"pay-1"}, podUID: {"u1"}}}}
	r := NewTokenReviewer(func(_ context.Context, review *authenticationv1.TokenReview) error {
		calls++
		if review.Spec.Token == "good" {
			review.Status = status
		}
		if review.Spec.Token == "another audience" {
			review.Status = status
			review.Status.Audiences = []string{"https://kubernetes.default.svc"}
		}
		if review.Spec.Token == "a person" {
			review.Status = status
			review.Status.User.Username = "admin"
		}
		return nil
	})
	for range 3 {
		if s, err := r.Review(t.Context(), "good"); err != nil || s != (Sender{"shop", "pay", "pay-1", "u1"}) {
			t.Fatal(s, err)
		}
	}
	if calls != 1 {
		t.Errorf("the API server was asked %d times about one token", calls)
	}
	for _, token := range []string{"bad", "another audience", "a person"} {
		if _, err := r.Review(t.Context(), token); !errors.Is(err, ErrToken) {
			t.Errorf("%s: %v", token, err)
		}
	}
}

// A storm costs a write per contract and period; each sender hears of its own report, and what waits is bounded.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes atomic.Int32 // the batches of two contracts are written at once
		b := NewBatcher(200*time.Millisecond, 500, func(_ context.Context, _ Key, reports []Report) []error {
			writes.Add(1)
			errs := make([]error, len(reports))
			for i, r := range reports {
				if r.Pod == "p7" {
					errs[i] = ErrNotFound
				}
			}
			return errs
		})
		var busy, notFound, done int
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 600 {
			all.Go(func() {
				err := b.Record(t.Context(), Report{Namespace: "shop", Contract: fmt.Sprint("c", i%2), Pod: fmt.Sprint("p", i)})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					done++
				case errors.Is(err, ErrBusy):
					busy++
				case errors.Is(err, ErrNotFound):
					notFound++
				}
			})
		}
		all.Wait()
		if writes.Load() != 2 || busy != 100 || done+notFound != 500 {
			t.Errorf("%d writes, %d busy, %d not found, %d done", writes.Load(), busy, notFound, done)
		}
		if err := b.Record(t.Context(), Report{Namespace: "shop"}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestMergeKnowsWhatCameAgain(t *testing.T) {
	var s v1alpha1.StabilityContractStatus
	now := time.Unix(1000, 0)
	r := Report{Pod: "p", UID: "u", Check: "k", Strike: 1, Since: time.Unix(900, 5), Source: "pod"}
	step := func(want bool, words string) {
		t.Helper()
		if got := Merge(&s, r, now); got != want {
			t.Errorf("%s: changed %v", words, got)
		}
	}
	step(true, "the first")
	step(false, "it comes again")
	r.Strike = 3
	step(true, "a further strike")
	r.Strike = 2
	step(false, "one that was overtaken")
	r.Recovered, r.Since = true, time.Unix(800, 0)
	step(false, "the end of an earlier violation")
	r.Since = time.Unix(900, 5)
	step(true, "the end")
	step(false, "the end comes again")
	if len(s.Violating) != 0 || s.Reports != 3 {
		t.Errorf("%+v", s)
	}
	for i := range 2 * MaxViolating {
		Merge(&s, Report{Pod: fmt.Sprint(i), UID: "u", Check: "k", Strike: 1, Since: now, Source: "pod"}, now)
	}
	if len(s.Violating) != MaxViolating || s.Reports != 3+2*MaxViolating {
		t.Errorf("%d are listed, of %d reports", len(s.Violating), s.Reports)
	}
}
