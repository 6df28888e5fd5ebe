// Package intake takes reports in: violations that pods post about themselves, their evidence, and alerts of Alertmanager. Who speaks is known by the
// token, and a pod speaks only for itself. An answer of 200 is given once the report is in the contract's status, so that a sender
// that tries until it hears that is heard at least once; a report that comes again changes nothing.
package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/falsifiable/stability/response/quarantine"
)

// Limits of one request.
const (
	MaxBody    = 64 << 10
	maxAlerts  = 100
	answerTime = 10 * time.Second
)

// Sender is who a token belongs to.
type Sender struct {
	Namespace, ServiceAccount string
	Pod, PodUID               string // empty for a token that is bound to no pod
}

// Reviewer tells who a token belongs to. It returns ErrToken for one that is not valid for this audience.
type Reviewer interface {
	Review(ctx context.Context, token string) (Sender, error)
}

// Report is one pod's word on one check of one contract.
type Report struct {
	Namespace, Contract, Check string
	Pod, UID                   string
	Recovered                  bool
	Strike                     int
	Value, Threshold           float64
	Since                      time.Time
	Proven                     bool
	Evidence                   string
	Source                     string
}

// Recorder puts reports into the status of their contract, and returns when they are there.
type Recorder interface {
	Record(ctx context.Context, r Report) error
}

// What a Recorder and a Reviewer may return.
var (
	ErrToken    = errors.New("the token is not valid here")
	ErrBusy     = errors.New("too many reports wait")
	ErrNotFound = errors.New("there is no such contract for this pod")
)

// Config configures a handler.
type Config struct {
	Reviewer Reviewer
	Recorder Recorder
	// Alertmanager is the service account, as namespace/name, that may post alerts. Empty: nobody may.
	Alertmanager string
	// Evidence keeps what pods send of it. Nil: nothing is taken.
	Evidence Keeper
	// Log gets what was refused, without the token. Defaults to slog.Default.
	Log *slog.Logger
}

type handler struct {
	Config
	uploads *uploads
}

// Handler serves POST /v1/violations, POST /v1/alertmanager, and with a Keeper PUT /v1/evidence/BUNDLE/FILE.
func Handler(cfg Config) http.Handler {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	h := handler{cfg, newUploads()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/violations", h.answer(h.violation))
	mux.HandleFunc("POST /v1/alertmanager", h.answer(h.alerts))
	if cfg.Evidence != nil {
		mux.HandleFunc("PUT /v1/evidence/{bundle}/{file}", h.evidence)
	}
	return mux
}

// refusal is an error that the sender is told.
type refusal struct {
	status int
	words  string
}

func (r *refusal) Error() string { return r.words }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// answer asks who speaks before it reads what is said.
func (h handler) answer(take func(ctx context.Context, from Sender, body []byte) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		defer cancel()
		from, err := h.sender(ctx, r)
		if err == nil {
			var body []byte
			if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody)); err != nil {
				err = refuse(http.StatusRequestEntityTooLarge, "the body is longer than %d bytes, or did not arrive", MaxBody)
			} else {
				err = take(ctx, from, body)
			}
		}
		if err != nil {
			h.fail(w, r, from, err)
			return
		}
		w.WriteHeader(http.StatusOK)
	}
}

func (h handler) fail(w http.ResponseWriter, r *http.Request, from Sender, err error) {
	status := http.StatusServiceUnavailable
	refused, known := errors.AsType[*refusal](err)
	switch {
	case known:
		status = refused.status
	case errors.Is(err, ErrToken):
		status = http.StatusUnauthorized
	case errors.Is(err, ErrBusy):
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", "1")
	case errors.Is(err, ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, ErrName):
		status = http.StatusBadRequest
	case errors.Is(err, ErrFull):
		status = http.StatusInsufficientStorage
	}
	h.Log.Info("intake: a report was not taken", "path", r.URL.Path, "namespace", from.Namespace, "pod", from.Pod, "status", status, "error", err)
	http.Error(w, err.Error(), status)
}

func (h handler) sender(ctx context.Context, r *http.Request) (Sender, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" || len(token) > 16<<10 {
		return Sender{}, ErrToken
	}
	return h.Reviewer.Review(ctx, token)
}

// violation takes a pod's report about itself. What the body says of the sender is not asked.
func (h handler) violation(ctx context.Context, from Sender, body []byte) error {
	if from.Pod == "" || from.PodUID == "" {
		return refuse(http.StatusForbidden, "the token is bound to no pod: mount a projected one")
	}
	var in quarantine.Report
	if err := json.Unmarshal(body, &in); err != nil {
		return refuse(http.StatusBadRequest, "the body is no report: %v", err)
	}
	v := in.Violation
	switch {
	case in.Version != 1:
		return refuse(http.StatusBadRequest, "version %d is not known: this operator knows 1", in.Version)
	case in.Event != quarantine.Violated && in.Event != quarantine.Recovered:
		return refuse(http.StatusBadRequest, "event %q is neither %s nor %s", in.Event, quarantine.Violated, quarantine.Recovered)
	case v.Contract == "" || v.Name == "" || len(v.Contract) > 253 || len(v.Name) > 63 || len(v.Evidence) > 1024:
		return refuse(http.StatusBadRequest, "the contract or the check has no name, or one of the texts is too long")
	case v.Strike < 1 || v.Strike > math.MaxInt32 || math.IsNaN(v.Value) || math.IsInf(v.Value, 0):
		return refuse(http.StatusBadRequest, "strike %d with value %v is no violation", v.Strike, v.Value)
	}
	return h.Recorder.Record(ctx, Report{Namespace: from.Namespace, Contract: v.Contract, Check: v.Name, Pod: from.Pod, UID: from.PodUID,
		Recovered: in.Event == quarantine.Recovered, Strike: v.Strike, Value: v.Value, Threshold: v.Threshold, Since: v.Since, Proven: v.Proven,
		Evidence: v.Evidence, Source: "pod"})
}

// alerts takes Alertmanager's webhook. An alert has no strikes and no proof: it counts as a first strike, of which people are told.
func (h handler) alerts(ctx context.Context, from Sender, body []byte) error {
	if h.Alertmanager == "" || from.Namespace+"/"+from.ServiceAccount != h.Alertmanager {
		return refuse(http.StatusForbidden, "service account %s/%s may not post alerts", from.Namespace, from.ServiceAccount)
	}
	var in struct {
		Alerts []struct {
			Status   string            `json:"status"`
			Labels   map[string]string `json:"labels"`
			StartsAt time.Time         `json:"startsAt"`
		} `json:"alerts"`
	}
	if err := json.Unmarshal(body, &in); err != nil || len(in.Alerts) > maxAlerts {
		return refuse(http.StatusBadRequest, "the body is no message of Alertmanager's webhook, or has more than %d alerts", maxAlerts)
	}
	var errs []error
	for _, a := range in.Alerts {
		report := Report{Namespace: a.Labels["namespace"], Contract: a.Labels["contract"], Check: a.Labels["check"], Pod: a.Labels["pod"],
			Recovered: a.Status == "resolved", Strike: 1, Since: a.StartsAt, Source: "alertmanager"}
		if report.Namespace == "" || report.Contract == "" || report.Check == "" || report.Pod == "" {
			continue // not about a contract of ours
		}
		if err := h.Recorder.Record(ctx, report); err != nil && !errors.Is(err, ErrNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
