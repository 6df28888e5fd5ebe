package main

import (
	"time"

	"github.com/falsifiable/stability"
)

//go:generate stability-contract --service=payment --thresholds='{"goroutines":2000,"heap_inuse_mb":800}'

// growth promises that the service does not creep towards its limits. What stability-contract generates from the line
// above says where the limits are.
var growth = &stability.Contract{
	Name: "payment-stability-growth",
	Checks: []stability.Check{
		{
			// Goroutines may grow with the load; these grow without it (whitepaper §5).
			Name: "goroutine_growth",
			Expr: "theil_sen(go.goroutine.count[1m]) > 500/1m" +
				" && rate(http.server.request.count[1m]) <= 1.2 * baseline(rate(http.server.request.count[1m]))",
			Cause: "goroutineleak",
		},
		{
			// The collector's share of the CPU, for three evaluations in a row (whitepaper §2.5).
			Name:  "gc_cpu",
			Expr:  "avg_over_time(gc_pause_ratio[1m]) > 12% && avg_over_time(gc_pause_ratio[1m]) > 1.5 * baseline(avg_over_time(gc_pause_ratio[1m]))",
			For:   time.Minute,
			Cause: "gcstorm",
		},
		{
			// A trend that is there (three standard deviations), that matters, and that has gone somewhere.
			Name: "heap_trend",
			Expr: "mann_kendall(go.memory.heap.live[5m]) > 3 && theil_sen(go.memory.heap.live[5m]) > 2MiB/1m" +
				" && go.memory.heap.live > 2 * baseline(go.memory.heap.live) + 16MiB",
		},
		{
			// A hundred requests a second, each with its deadline of 2 s, are 200 at the very worst.
			Name: "in_flight",
			Expr: "http.server.active_requests > 100 + 4 * baseline(http.server.active_requests)",
			For:  30 * time.Second,
		},
		{
			// Every request has a deadline of 2 s. One that is older waits for something without its context.
			Name:  "oldest_request",
			Expr:  "http.server.request.oldest > 5s",
			Cause: "channelblock",
		},
	},
}

func init() { stability.RegisterContract(growth) }
