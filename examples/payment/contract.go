package main

import (
	"time"

	"github.com/falsifiable/stability"
)

//go:generate stability-contract --service=payment --thresholds='{"goroutines":2000,"heap_inuse_mb":800}'

// stabilityChecks extend the generated contract, which picks them up by their name, by what a ceiling cannot see.
var stabilityChecks = []stability.Check{
	{
		// A leak (docs/guide/whitepaper.md §5): more than 500 new goroutines a minute that no new traffic explains.
		Name: "goroutine_growth",
		Expr: "delta(go.goroutine.count[1m]) > 500" +
			" && rate(http.server.request.count[1m]) <= 1.2 * baseline(rate(http.server.request.count[1m]))",
		Cause: "goroutineleak",
	},
	{
		// The collector's share of the CPU of a process that does something, for three windows in a row (§2.5): a process that has
		// just started collects its small heap a few times, and is over it by then.
		Name:  "gc_cpu",
		Expr:  "avg_over_time(gc_pause_ratio[1m]) > 12% && rate(process.cpu.time[1m]) / go.processor.limit > 10%",
		For:   2 * time.Minute,
		Cause: "gcstorm",
	},
	{
		// A live heap that grows steadily, and has gone somewhere: seen long before the ceiling is hit.
		Name: "heap_trend",
		Expr: "mann_kendall(go.memory.heap.live[5m]) > 3 && theil_sen(go.memory.heap.live[5m]) > 2MiB/1m" +
			" && go.memory.heap.live > 2 * baseline(go.memory.heap.live) + 16MiB",
	},
	{
		// Each request has a deadline of 2 s: at the most that is expected, a hundred a second, 200 at the very worst.
		Name: "in_flight",
		Expr: "http.server.active_requests > 100 + 4 * baseline(http.server.active_requests)",
		For:  30 * time.Second,
	},
	{
		// There was work for a whole minute, and none got done (§2.3).
		Name:  "progress",
		Expr:  "http.server.active_requests > 0 && rate(http.server.request.completed[1m]) == 0",
		For:   time.Minute,
		Cause: "channelblock",
	},
	{
		// No risk service for three minutes: large payments are turned away, small ones pile up for review (§1). A breaker that
		// opens and closes again is doing its work; one that stays open is news.
		Name: "risk_open",
		Expr: "breaker.critical_open > 0",
		For:  3 * time.Minute,
	},
	{
		// It answers, but customers notice: each payment waits for the score, and is promised within a fraction of a second.
		Name: "risk_slow",
		Expr: "quantile_over_time(0.5, http.client.request.duration.p50[1m]) > 150ms",
		For:  time.Minute,
	},
	{
		// Payments do without something, their replay cache for instance: the breaker that is not closed names it.
		Name: "degraded",
		Expr: "breaker.state > 0",
		For:  3 * time.Minute,
	},
}
