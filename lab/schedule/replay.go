package schedule

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// replay measures how often the finding's schedule shows it again, then makes the schedule smaller if asked to, until the
// time is up.
func (u *unit) replay(ctx context.Context, f *Finding, end time.Time) {
	s, err := parseSchedule(f.Schedule)
	if err != nil || u.config.Replays < 0 {
		return
	}
	for ; f.Replayed < u.config.Replays && ctx.Err() == nil; f.Replayed++ {
		if time.Now().After(end) {
			f.ReplaysLeft = u.config.Replays - f.Replayed
			return
		}
		if u.shows(ctx, s, f) {
			f.Reproduced++
		}
	}
	if u.config.Minimize > 0 && (f.Level == Cycle || f.Level == Deadlock || f.Level == ProvenLeak) {
		u.minimize(ctx, f, s)
	}
}

// shows takes the schedule once and tells whether it shows the finding.
func (u *unit) shows(ctx context.Context, s schedule, f *Finding) bool {
	r, err := u.execute(ctx, s, false)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(judge(r, u.plain, u.config.Timeout), func(again Finding) bool {
		again.Package = u.Package
		return (again.Level == Suspect) == (f.Level == Suspect) && f.same(&again)
	})
}

// tries is how often a smaller schedule may fail to show the finding before it is given up.
const tries = 2

// minimize looks for the fewest of the points at which the finding's run did something that still show it, by
// leaving out ever smaller parts (Zeller's delta debugging).
func (u *unit) minimize(ctx context.Context, f *Finding, s schedule) {
	budget := u.config.Minimize
	holds := func(plan []point.Planned) bool {
		for range tries {
			if budget--; budget < 0 || ctx.Err() != nil {
				return false
			}
			if u.shows(ctx, s.planned(plan), f) {
				return true
			}
		}
		return false
	}
	var points []point.Planned
	for _, e := range f.trace.events {
		if e.action != 0 && len(points) < point.MaxPlan {
			points = append(points, point.Planned{ID: e.id, N: e.n, Action: e.action})
		}
	}
	if !holds(points) {
		return
	}
	for size := (len(points) + 1) / 2; size > 0 && len(points) > 0; {
		smaller := false
		for at := 0; at < len(points); at += size {
			rest := slices.Concat(points[:at], points[min(at+size, len(points)):])
			if holds(rest) {
				points, smaller = rest, true
				break
			}
		}
		if !smaller {
			size /= 2
		} else {
			size = min(size, max(len(points)/2, 1))
		}
	}
	f.Minimal, f.Points = s.planned(points).String(), []string{}
	for _, p := range points {
		f.Points = append(f.Points, f.trace.pointText(p))
	}
}

// pointText says where a point is, for people.
func (t *trace) pointText(p point.Planned) string {
	for _, e := range t.events {
		if e.id == p.ID && e.n == p.N {
			return fmt.Sprintf("hold back the goroutine about to %s at %s", e.kind, place(e.site))
		}
	}
	return fmt.Sprintf("hold back goroutine %x before its operation %d", p.ID, p.N)
}
