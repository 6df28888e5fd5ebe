package flight

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"

	"github.com/falsifiable/stability/evidence"
)

func capturer(t testing.TB, r *Recorder) *evidence.Capturer {
	t.Helper()
	c, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Cooldown: -1, Spacing: -1,
		MaxBundles: 2, Kinds: []evidence.Kind{r}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRecorder(t *testing.T) {
	r, err := Start(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	if second, err := Start(Config{}); err == nil {
		second.Stop()
		t.Error("a second recorder was started")
	}
	c := capturer(t, r)
	ping := make(chan int)
	go func() {
		for range 1000 {
			ping <- 1
		}
		close(ping)
	}()
	for range ping {
	}
	b, err := c.Capture(t.Context(), evidence.Request{Key: "test"})
	if err != nil {
		t.Fatal(err)
	}
	content, err := b.ReadFile(File)
	if err != nil || !bytes.HasPrefix(content, []byte("go 1.")) || len(content) < 4<<10 {
		t.Errorf("%d bytes beginning with %.16q, %v; want a trace with two thousand events", len(content), content, err)
	}

	r.Stop()
	r.Stop()
	b, err = c.Capture(t.Context(), evidence.Request{Key: "test"})
	if err != nil || len(b.Files) != 0 || len(b.Skipped) != 1 || b.Skipped[0].Why != "the recorder is stopped" {
		t.Errorf("after Stop: files %v, skipped %v, %v", b.Files, b.Skipped, err)
	}
	again, err := Start(Config{})
	if err != nil {
		t.Fatalf("starting anew: %v", err)
	}
	again.Stop()
}

// TestStopWhileCapturing is for the race detector: the runtime's recorder guards neither against the other.
func TestStopWhileCapturing(t *testing.T) {
	for range 20 {
		r, err := Start(Config{})
		if err != nil {
			t.Fatal(err)
		}
		c := capturer(t, r)
		var wg sync.WaitGroup
		wg.Go(func() { c.Capture(t.Context(), evidence.Request{Key: "test"}) })
		wg.Go(r.Stop)
		wg.Wait()
	}
}

func BenchmarkCapture(b *testing.B) {
	r, err := Start(Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Stop()
	c := capturer(b, r)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Capture(b.Context(), evidence.Request{Key: "bench"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPingPong shows what recording costs where it costs most: goroutines that do nothing but wake each other.
func BenchmarkPingPong(b *testing.B) {
	run := func(b *testing.B) {
		ping, pong := make(chan int), make(chan int)
		go func() {
			for range ping {
				pong <- 1
			}
			close(pong)
		}()
		for b.Loop() {
			ping <- 1
			<-pong
		}
		close(ping)
		<-pong
	}
	b.Run("off", run)
	b.Run("on", func(b *testing.B) {
		r, err := Start(Config{})
		if err != nil {
			b.Fatal(err)
		}
		defer r.Stop()
		run(b)
	})
}
