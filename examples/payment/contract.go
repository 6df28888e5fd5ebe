package main

import (
	"time"

	"github.com/falsifiable/stability"
)

// stabilityChecks extend the generated contract by what a ceiling cannot see.
var stabilityChecks = []stability.Check{
	{
		// The whitepaper's leak rule (§5): more than 500 new goroutines a minute that no new traffic explains.
		Name:  "goroutine_growth",
		Expr:  "delta(go.goroutine.count[1m]) > 500 && rate(http.server.request.count[1m]) <= 1.2 * baseline(rate(http.server.request.count[1m]))",
		Cause: "goroutineleak",
	},
	{
		// The whitepaper's pause ratio (§2.5), as the share of CPU that the collector takes of a busy process.
		Name:  "gc_cpu",
		Expr:  "avg_over_time(gc_pause_ratio[1m]) > 12% && rate(process.cpu.time[1m]) / go.processor.limit > 25%",
		For:   time.Minute,
		Cause: "gcstorm",
	},
	{
		// A live heap that grows steadily, whatever its size: seen long before the ceiling is hit.
		Name: "heap_trend",
		Expr: "mann_kendall(go.memory.heap.live[5m]) > 4 && theil_sen(go.memory.heap.live[5m]) > 5MiB/1s",
		For:  time.Minute,
	},
	{
		Name:  "inflight",
		Expr:  "min_over_time(http.server.active_requests[30s]) > 100",
		Cause: "channelblock",
	},
	{
		Name:  "progress",
		Expr:  "http.server.active_requests > 0 && rate(http.server.request.completed[1m]) == 0",
		For:   time.Minute,
		Cause: "channelblock",
	},
}
