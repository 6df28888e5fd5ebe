package asynclog

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
)

func TestRecordsAreWrittenInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := New(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo})))
		log.Info("one", "a", 1)
		log.Debug("not asked for")
		log.With("b", 2).WithGroup("g").Info("two", "c", 3)
		synctest.Wait()
		got := out.String()
		if one, two := strings.Index(got, "msg=one a=1"), strings.Index(got, "msg=two b=2 g.c=3"); one < 0 || two < one || strings.Contains(got, "not asked") {
			t.Errorf("the log is %s", got)
		}
		if New(log) != log {
			t.Error("an asynchronous logger is made asynchronous again")
		}
	})
}

// difficult is a handler that misbehaves.
type difficult struct {
	slog.Handler
	do func()
}

func (d difficult) Handle(ctx context.Context, r slog.Record) error {
	d.do()
	return d.Handler.Handle(ctx, r)
}

func TestNobodyWaitsForALogger(t *testing.T) {
	var out bytes.Buffer
	for name, do := range map[string]func(){"panics": func() { panic("closed") }, "goes off": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := New(slog.New(difficult{slog.NewTextHandler(&out, nil), do}))
				log.Info("lost")
				log.Info("lost too")
				synctest.Wait() // with no goroutine left, or the test fails
			})
		})
	}
	t.Run("blocks", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			out.Reset()
			release := make(chan struct{})
			log := New(slog.New(difficult{slog.NewTextHandler(&out, nil), func() { <-release }}))
			log.Info("under way")
			synctest.Wait()
			for i := range 3 * kept {
				log.Info("record", "i", i)
			}
			synctest.Wait()
			close(release)
			synctest.Wait()
			if n := strings.Count(out.String(), "\n"); n != kept+1 || !strings.Contains(out.String(), "i=767") {
				t.Errorf("%d records were written, want the one under way and the last %d", n, kept)
			}
		})
	})
}
