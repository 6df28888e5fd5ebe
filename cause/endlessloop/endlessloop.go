package endlessloop

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "endlessloop",
	Title:   "Endless loop",
	Section: "2.3",
	Class:   cause.Blocked,
	Checks: []stability.Check{{
		Name: "spinning",
		Expr: "theil_sen(http.server.request.oldest[2m]) > 0.95 && http.server.request.oldest > 10 * baseline(max_over_time(http.server.request.oldest[1m])) && " +
			"http.server.request.waiting > 1 + 2 * baseline(max_over_time(http.server.request.waiting[1m])) && " +
			"rate(process.cpu.time[2m]) >= baseline(rate(process.cpu.time[1m])) + 0.5",
		For: time.Minute,
	}},
	Trials:    []cause.Trial{{Check: "spinning", Fault: "endlessloop", Params: map[string]string{"share": "50%", "max": "10"}, Deadline: 8 * time.Minute}},
	Brings:    []string{"cpuquota", "slowdown", "overload", "goroutineleak", "hungprobe", "failing", "lockconvoy"},
	Signals:   cause.Organ{Names: []string{"http.server.request.oldest", "http.server.request.waiting", "process.cpu.time", "go.goroutine.running"}},
	Defenses:  cause.Organ{Names: []string{"bulkhead", "admission"}},
	Analyzers: cause.Organ{None: "whether a loop ends is undecidable; stability test reports a goroutine that still spins at the end of a test"},
}
