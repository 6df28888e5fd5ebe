// Package httpapi speaks HTTP for the payment service.
//
//	POST /pay          {"account":"a-1","amount":1299,"currency":"EUR"}, Idempotency-Key optional → 201 and the order
//	GET  /orders/{id}  → 200 and the order
//
// An error is answered by its status and {"error":"..."}.
package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/examples/payment/internal/payment"
	"github.com/falsifiable/stability/examples/payment/internal/tracing"
)

const maxBody = 16 << 10

// Payments is what the API needs of the service.
type Payments interface {
	Pay(ctx context.Context, r payment.Request) (payment.Receipt, error)
	Order(ctx context.Context, id string) (payment.Order, error)
}

type api struct{ payments Payments }

// Routes returns the API's routes. Serve them through [Guard].
func Routes(payments Payments) *http.ServeMux {
	a := api{payments}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /pay", a.pay)
	mux.HandleFunc("GET /orders/{id}", a.order)
	return mux
}

// Guard gives each request on its way to the routes a deadline, a place in a trace, and one line in the log.
func Guard(log *slog.Logger, routes http.Handler) http.Handler {
	return tracing.Handler(deadlines.Middleware(withLog(log, routes)))
}

func (a api) pay(w http.ResponseWriter, r *http.Request) {
	request, err := readRequest(w, r)
	if err != nil {
		fail(w, r, err)
		return
	}
	receipt, err := a.payments.Pay(r.Context(), request)
	if err != nil {
		fail(w, r, err)
		return
	}
	header, status := w.Header(), http.StatusCreated
	header.Set("Location", "/orders/"+receipt.Order.ID)
	if receipt.Replayed {
		header.Set("Idempotent-Replayed", "true")
		status = http.StatusOK
	}
	if len(receipt.Degraded) > 0 {
		header.Set("Degraded", strings.Join(receipt.Degraded, ", "))
	}
	noteOrder(r.Context(), receipt)
	write(w, status, receipt.Order)
}

func (a api) order(w http.ResponseWriter, r *http.Request) {
	order, err := a.payments.Order(r.Context(), r.PathValue("id"))
	if err != nil {
		fail(w, r, err)
		return
	}
	write(w, http.StatusOK, order)
}

// malformed is an error in a request's syntax.
type malformed struct{ cause error }

func (m malformed) Error() string { return fmt.Sprintf("reading the request: %v", m.cause) }
func (m malformed) Unwrap() error { return m.cause }

func readRequest(w http.ResponseWriter, r *http.Request) (payment.Request, error) {
	request := payment.Request{Key: r.Header.Get("Idempotency-Key")}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return request, malformed{err}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return request, malformed{errors.New("there is more after the JSON object")}
	}
	return request, nil
}

// fail answers with the status that the error means. What is our own trouble is logged and not told.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	status, told := http.StatusInternalServerError, "internal error"
	_, isMalformed := errors.AsType[malformed](err)
	invalid, isInvalid := errors.AsType[*payment.InvalidError](err)
	_, isTooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case isTooLarge:
		status, told = http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxBody)
	case isMalformed:
		status, told = http.StatusBadRequest, err.Error()
	case isInvalid:
		status, told = http.StatusUnprocessableEntity, invalid.Field+" "+invalid.Problem
	case errors.Is(err, payment.ErrKeyReused):
		status, told = http.StatusUnprocessableEntity, "the idempotency key was used for a different payment"
	case errors.Is(err, payment.ErrNotFound):
		status, told = http.StatusNotFound, "no such order"
	case errors.Is(r.Context().Err(), context.DeadlineExceeded): // the request's time, not a dependency's
		status, told = http.StatusGatewayTimeout, "the time for this request is up"
	case errors.Is(err, payment.ErrUnavailable):
		w.Header().Set("Retry-After", retryAfter(err))
		status, told = http.StatusServiceUnavailable, "temporarily unavailable"
	}
	noteError(r.Context(), err)
	write(w, status, struct {
		Error string `json:"error"`
	}{told})
}

// retryAfter returns how many seconds the client should wait: until the breaker that rejected the call tries again, else one.
func retryAfter(err error) string {
	seconds := 1.0
	if rejection, ok := errors.AsType[*breaker.OpenError](err); ok {
		seconds = max(seconds, math.Ceil(rejection.RetryAfter().Seconds()))
	}
	return strconv.Itoa(int(seconds))
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // an error means that the client has left
}
