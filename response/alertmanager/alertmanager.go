// Package alertmanager sends violations to a Prometheus Alertmanager as alerts, by its API version 2, and resolves them.
package alertmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/response"
)

// Config configures a [Responder].
type Config struct {
	// Poster's URL is the Alertmanager's, such as http://alertmanager:9093; the API's path is added.
	response.Poster
	// Service and Instance become labels.
	Service, Instance string
	// Labels are added to each alert, for routing. Defaults to none.
	Labels map[string]string
	// Expires is how long an alert stands that nobody resolves, because the process is gone. A check that stays violated is told
	// three times only, so this is not Alertmanager's resolve timeout. Defaults to 1 h.
	Expires time.Duration
	// Link is what an alert's source leads to. Defaults to none.
	Link func(v stability.Violation) string
}

// Responder sends alerts. Safe for concurrent use. Make one with [New].
type Responder struct{ cfg Config }

var _ stability.RecoveryResponder = (*Responder)(nil)

// New returns a responder, or an error about the address.
func New(cfg Config) (*Responder, error) {
	if err := cfg.Poster.Validate(); err != nil {
		return nil, err
	}
	if cfg.Expires < 0 {
		return nil, errors.New("alertmanager: Expires must not be negative")
	}
	if cfg.Expires == 0 {
		cfg.Expires = time.Hour
	}
	cfg.URL = strings.TrimSuffix(cfg.URL, "/") + "/api/v2/alerts"
	return &Responder{cfg}, nil
}

// Name returns "alertmanager".
func (*Responder) Name() string { return "alertmanager" }

type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	Source      string            `json:"generatorURL,omitempty"`
}

// Respond sends the alert, or prolongs it: one incident is one alert, by its labels.
func (r *Responder) Respond(ctx context.Context, v stability.Violation) error {
	return r.post(ctx, r.alert(v, v.At.Add(r.cfg.Expires)))
}

// Recovered resolves the alert.
func (r *Responder) Recovered(ctx context.Context, v stability.Violation, t stability.Transition) error {
	return r.post(ctx, r.alert(v, t.At))
}

func (r *Responder) alert(v stability.Violation, until time.Time) alert {
	labels := map[string]string{"alertname": "StabilityContractViolated", "contract": v.Contract, "check": v.Name, "severity": v.Severity}
	for name, value := range r.cfg.Labels {
		labels[name] = value
	}
	for _, pair := range v.Labels.Pairs() {
		labels[labelName(pair[0])] = pair[1]
	}
	for name, value := range map[string]string{"service": r.cfg.Service, "instance": r.cfg.Instance, "cause": v.Cause} {
		if value != "" {
			labels[name] = value
		}
	}
	a := alert{Labels: labels, StartsAt: v.Since, EndsAt: until, Annotations: map[string]string{
		"summary": fmt.Sprintf("%s/%s is violated: %s", v.Contract, v.Name, v.Expr),
		"value":   fmt.Sprintf("%.4g", v.Value), "threshold": fmt.Sprintf("%.4g", v.Threshold),
		"proven": fmt.Sprint(v.Proven), "proof": v.Trial(), "evidence": v.Evidence,
	}}
	if r.cfg.Link != nil {
		a.Source = r.cfg.Link(v)
	}
	return a
}

func (r *Responder) post(ctx context.Context, a alert) error {
	body, err := json.Marshal([]alert{a})
	if err != nil {
		return fmt.Errorf("alertmanager: encoding: %w", err)
	}
	_, err = r.cfg.Post(ctx, body, nil)
	return err
}

// labelName makes a signal's label one of Prometheus: letters, digits and underscores.
func labelName(name string) string {
	return strings.Map(func(c rune) rune {
		if c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '_'
	}, name)
}
