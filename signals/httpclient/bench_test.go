package httpclient

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/falsifiable/stability/signals"
)

// discard answers with one response again and again, whose body is put back each time.
func discard() far {
	body := io.NopCloser(strings.NewReader(""))
	response := &http.Response{StatusCode: 200}
	return func(*http.Request) (*http.Response, error) { response.Body = body; return response, nil }
}

// The one allocation is the attempt, which is the body too and is not pooled on purpose.
func TestTransportAllocatesOnlyTheAttempt(t *testing.T) {
	transport, r := New(Config{}).Transport(discard()), request(t.Context(), "a")
	if n := testing.AllocsPerRun(1000, func() { response, _ := transport.RoundTrip(r); response.Body.Close() }); n > 1 {
		t.Errorf("an attempt allocates %v times, want 1", n)
	}
}

func TestSampleAllocatesNothing(t *testing.T) {
	tracker := New(Config{})
	_, _ = tracker.Transport(discard()).RoundTrip(request(t.Context(), "a"))
	var batch signals.Batch
	tracker.Sample(&batch)
	if n := testing.AllocsPerRun(100, func() { batch.Reset(); tracker.Sample(&batch) }); n != 0 {
		t.Errorf("Sample allocates %v times, want 0", n)
	}
}

func BenchmarkTransport(b *testing.B) {
	for name, transport := range map[string]http.RoundTripper{"without": discard(), "with": New(Config{}).Transport(discard())} {
		b.Run(name, func(b *testing.B) {
			r := request(b.Context(), "a")
			b.ReportAllocs()
			for b.Loop() {
				response, _ := transport.RoundTrip(r)
				response.Body.Close()
			}
		})
	}
}

func BenchmarkSample(b *testing.B) {
	tracker := New(Config{})
	_, _ = tracker.Transport(discard()).RoundTrip(request(b.Context(), "a"))
	var batch signals.Batch
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		tracker.Sample(&batch)
	}
}
