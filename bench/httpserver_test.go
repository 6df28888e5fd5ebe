package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/falsifiable/stability/signals/httpserver"
)

// null is a ResponseWriter that costs nothing.
type null struct{ header http.Header }

func (n null) Header() http.Header         { return n.header }
func (n null) Write(p []byte) (int, error) { return len(p), nil }
func (n null) WriteHeader(int)             {}
func (n null) Flush()                      {}

// BenchmarkMiddleware serves one request through a mux; "bare" is the mux alone, part of all the others. Prometheus
// counts requests, those in flight and latency by status code; ours besides by route, with the age of the oldest.
func BenchmarkMiddleware(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("/pay", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) })
	inFlight := prometheus.NewGauge(prometheus.GaugeOpts{Name: "in_flight"})
	count := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests"}, []string{"code"})
	latency := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "latency"}, []string{"code"})
	for _, v := range []struct {
		name    string
		handler http.Handler
	}{
		{"ours", httpserver.New(httpserver.Config{}).Middleware(mux)},
		{"promhttp", promhttp.InstrumentHandlerInFlight(inFlight,
			promhttp.InstrumentHandlerCounter(count, promhttp.InstrumentHandlerDuration(latency, mux)))},
		{"bare", mux},
	} {
		b.Run(v.name, func(b *testing.B) {
			var w http.ResponseWriter = null{http.Header{}}
			request := httptest.NewRequest("POST", "/pay", nil)
			b.ReportAllocs()
			for b.Loop() {
				request.Pattern = "" // each request is a new one
				v.handler.ServeHTTP(w, request)
			}
		})
	}
}
