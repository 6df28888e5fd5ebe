package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/examples/payment/internal/payment"
)

// service answers every payment and every question for an order in the same way.
type service struct {
	receipt payment.Receipt
	err     error
}

func (s service) Pay(context.Context, payment.Request) (payment.Receipt, error) {
	return s.receipt, s.err
}

func (s service) Order(context.Context, string) (payment.Order, error) {
	return s.receipt.Order, s.err
}

const body = `{"account":"a-1","amount":1299,"currency":"EUR"}`

// What a payment comes to has a status and headers of its own; what is our own trouble is logged and not told.
func TestAnswers(t *testing.T) {
	secret := errors.New("dial postgres://user:s3cret@db")
	order := payment.Order{ID: "o-1"}
	for name, test := range map[string]struct {
		service service
		body    string
		status  int
		header  [2]string
		level   string
	}{
		"created":           {service{receipt: payment.Receipt{Order: order}}, body, 201, [2]string{"Location", "/orders/o-1"}, "INFO"},
		"replayed":          {service{receipt: payment.Receipt{Order: order, Replayed: true}}, body, 200, [2]string{"Idempotent-Replayed", "true"}, "INFO"},
		"degraded":          {service{receipt: payment.Receipt{Order: order, Degraded: []string{"risk"}}}, body, 201, [2]string{"Degraded", "risk"}, "WARN"},
		"no JSON":           {service{}, "{", 400, [2]string{}, "INFO"},
		"an unknown field":  {service{}, `{"amont":1}`, 400, [2]string{}, "INFO"},
		"more than one":     {service{}, body + body, 400, [2]string{}, "INFO"},
		"too large":         {service{}, `{"account":"` + strings.Repeat("a", maxBody) + `"}`, 413, [2]string{}, "INFO"},
		"invalid":           {service{err: &payment.InvalidError{Field: "amount", Problem: "is 0"}}, body, 422, [2]string{}, "INFO"},
		"another's key":     {service{err: payment.ErrKeyReused}, body, 422, [2]string{}, "INFO"},
		"nobody there":      {service{err: fmt.Errorf("%w: %w", payment.ErrUnavailable, secret)}, body, 503, [2]string{"Retry-After", "1"}, "ERROR"},
		"the breaker is on": {service{err: fmt.Errorf("%w: %w", payment.ErrUnavailable, &breaker.OpenError{Until: time.Now().Add(time.Hour)})}, body, 503, [2]string{"Retry-After", "3600"}, "ERROR"},
		"our own trouble":   {service{err: secret}, body, 500, [2]string{}, "ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			var logged bytes.Buffer
			w := httptest.NewRecorder()
			handler := Guard(slog.New(slog.NewTextHandler(&logged, nil)), Routes(test.service))
			handler.ServeHTTP(w, httptest.NewRequest("POST", "/pay", strings.NewReader(test.body)))
			if w.Code != test.status || !json.Valid(w.Body.Bytes()) {
				t.Errorf("answered %d with %s, want %d", w.Code, w.Body, test.status)
			}
			if h := test.header; w.Header().Get(h[0]) != h[1] {
				t.Errorf("%s is %q, want %q", h[0], w.Header().Get(h[0]), h[1])
			}
			if strings.Contains(w.Body.String(), "s3cret") {
				t.Errorf("a client is told %s", w.Body)
			}
			if !strings.Contains(logged.String(), "level="+test.level) || strings.Count(logged.String(), "\n") != 1 {
				t.Errorf("logged %q, want one line at %s", logged.String(), test.level)
			}
		})
	}
}

func TestOrders(t *testing.T) {
	for status, s := range map[int]service{200: {receipt: payment.Receipt{Order: payment.Order{ID: "o-1"}}}, 404: {err: payment.ErrNotFound}} {
		w := httptest.NewRecorder()
		Routes(s).ServeHTTP(w, httptest.NewRequest("GET", "/orders/o-1", nil))
		if w.Code != status || (status == 200) != strings.Contains(w.Body.String(), `"o-1"`) {
			t.Errorf("answered %d with %s, want %d", w.Code, w.Body, status)
		}
	}
}
