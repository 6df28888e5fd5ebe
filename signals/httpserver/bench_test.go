package httpserver

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/falsifiable/stability/signals"
)

// null is a ResponseWriter that costs nothing, with the abilities of HTTP/1's.
type null struct {
	http.Hijacker
	header http.Header
}

func (n null) Header() http.Header         { return n.header }
func (n null) Write(p []byte) (int, error) { return len(p), nil }
func (n null) WriteHeader(int)             {}
func (n null) Flush()                      {}

func handlers() (bare, tracked http.Handler, tracker *Tracker) {
	mux := http.NewServeMux()
	mux.HandleFunc("/pay", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) })
	tracker = New(Config{})
	return mux, tracker.Middleware(mux), tracker
}

// The one allocation of 32 bytes is the writer, which is not pooled on purpose.
func TestMiddlewareAllocatesOnlyTheWriter(t *testing.T) {
	bare, tracked, _ := handlers()
	request, w := httptest.NewRequest("POST", "/pay", nil), null{header: http.Header{}}
	var out http.ResponseWriter = w
	without := testing.AllocsPerRun(1000, func() { bare.ServeHTTP(out, request) })
	request.Pattern = ""
	with := testing.AllocsPerRun(1000, func() { request.Pattern = ""; tracked.ServeHTTP(out, request) })
	if with-without > 1 {
		t.Errorf("the middleware allocates %v times a request, want 1", with-without)
	}
}

func TestSampleAllocatesNothing(t *testing.T) {
	_, tracked, tracker := handlers()
	get(tracked, "POST", "/pay")
	var batch signals.Batch
	tracker.Sample(&batch)
	if n := testing.AllocsPerRun(100, func() { batch.Reset(); tracker.Sample(&batch) }); n != 0 {
		t.Errorf("Sample allocates %v times, want 0", n)
	}
}

func BenchmarkMiddleware(b *testing.B) {
	bare, tracked, _ := handlers()
	var w http.ResponseWriter = null{header: http.Header{}}
	for name, handler := range map[string]http.Handler{"without": bare, "with": tracked} {
		b.Run(name, func(b *testing.B) {
			request := httptest.NewRequest("POST", "/pay", nil)
			b.ReportAllocs()
			for b.Loop() {
				request.Pattern = ""
				handler.ServeHTTP(w, request)
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			request := httptest.NewRequest("POST", "/pay", nil)
			for pb.Next() {
				request.Pattern = ""
				tracked.ServeHTTP(w, request)
			}
		})
	})
}

func BenchmarkSample(b *testing.B) {
	_, tracked, tracker := handlers()
	get(tracked, "POST", "/pay")
	var batch signals.Batch
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		tracker.Sample(&batch)
	}
}
