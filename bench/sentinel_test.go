package main

import (
	"os"
	"sync"
	"testing"

	sentinel "github.com/alibaba/sentinel-golang/api"
	sentinelbreaker "github.com/alibaba/sentinel-golang/core/circuitbreaker"
	sentinelconfig "github.com/alibaba/sentinel-golang/core/config"
	"github.com/alibaba/sentinel-golang/logging"
)

// sentinelStart sets the peer up once: it is global. It is kept from writing logs and metrics files.
var sentinelStart = sync.OnceValue(func() error {
	_ = logging.ResetGlobalLogger(nullLogger{})
	dir, err := os.MkdirTemp("", "sentinel") // it insists on one
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := sentinelconfig.NewDefaultConfig()
	c.Sentinel.Log.Dir = dir
	c.Sentinel.Log.Metric.FlushIntervalSec = 0
	c.Sentinel.Stat.System.CollectIntervalMs = 0
	if err := sentinel.InitWithConfig(c); err != nil {
		return err
	}
	rule := func(resource string) *sentinelbreaker.Rule {
		return &sentinelbreaker.Rule{Resource: resource, Strategy: sentinelbreaker.ErrorRatio, RetryTimeoutMs: 3_600_000,
			MinRequestAmount: 20, StatIntervalMs: 10_000, StatSlidingWindowBucketCount: 10, Threshold: 0.8}
	}
	_, err = sentinelbreaker.LoadRules([]*sentinelbreaker.Rule{rule("closed"), rule("open")})
	return err
})

func sentinelLoop(b *testing.B, open bool) {
	if err := sentinelStart(); err != nil {
		b.Fatal(err)
	}
	resource := "closed"
	if open {
		resource = "open"
		for range 40 {
			if e, blocked := sentinel.Entry(resource); blocked == nil {
				sentinel.TraceError(e, errDependency)
				e.Exit()
			}
		}
		if _, blocked := sentinel.Entry(resource); blocked == nil {
			b.Fatal("the peer's breaker is not open")
		}
	}
	for b.Loop() {
		if e, blocked := sentinel.Entry(resource); blocked == nil {
			e.Exit()
		}
	}
}

// sentinelAmong has n goroutines pass the peer's closed breaker.
func sentinelAmong(b *testing.B, n int) {
	if err := sentinelStart(); err != nil {
		b.Fatal(err)
	}
	among(b, n, func() {
		if e, blocked := sentinel.Entry("closed"); blocked == nil {
			e.Exit()
		}
	})
}

// nullLogger keeps quiet.
type nullLogger struct{}

func (nullLogger) Debug(string, ...any)        {}
func (nullLogger) DebugEnabled() bool          { return false }
func (nullLogger) Info(string, ...any)         {}
func (nullLogger) InfoEnabled() bool           { return false }
func (nullLogger) Warn(string, ...any)         {}
func (nullLogger) WarnEnabled() bool           { return false }
func (nullLogger) Error(error, string, ...any) {}
func (nullLogger) ErrorEnabled() bool          { return false }
