package schedule

import (
	"context"
	"fmt"
	"slices"

	"github.com/falsifiable/stability/lab/schedule/patch"
)

// replay measures how often the finding's schedule shows it again, then makes the schedule smaller if asked to.
func (u *unit) replay(ctx context.Context, f *Finding) {
	s, err := parseSchedule(f.Schedule)
	if err != nil || u.config.Replays < 0 {
		return
	}
	for ; f.Replayed < u.config.Replays && ctx.Err() == nil; f.Replayed++ {
		if u.shows(ctx, s, f.key) {
			f.Reproduced++
		}
	}
	if f.Level != Suspect && f.Level != Race && u.config.Minimize > 0 {
		u.minimize(ctx, f, s)
	}
}

// shows takes the schedule once and tells whether it shows the finding with the key.
func (u *unit) shows(ctx context.Context, s schedule, key string) bool {
	r, err := u.execute(ctx, s, u.Runs+u.replays)
	u.replays++
	if err != nil {
		return false
	}
	return slices.ContainsFunc(judge(r, false), func(f Finding) bool {
		f.Package, f.Test = u.Package, u.Test
		f.setKey()
		return f.key == key
	})
}

// tries is how often a smaller schedule may fail to show the finding before it is given up.
const tries = 2

// minimize looks for the fewest of the points at which the finding's run did something that still show it, by
// leaving out ever smaller parts (Zeller's delta debugging).
func (u *unit) minimize(ctx context.Context, f *Finding, s schedule) {
	budget := u.config.Minimize
	holds := func(points []point) bool {
		for range tries {
			if budget--; budget < 0 || ctx.Err() != nil {
				return false
			}
			if u.shows(ctx, s.planned(points), f.key) {
				return true
			}
		}
		return false
	}
	var points []point
	for _, e := range f.trace.events {
		if e.action != 0 && len(points) < maxPlan {
			points = append(points, point{e.id, e.n, e.action})
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
func (t *trace) pointText(p point) string {
	for _, e := range t.events {
		if e.id == p.id && e.n == p.n {
			return fmt.Sprintf("hold back the goroutine about to %s at %s", patch.KindName(e.kind), place(e.site))
		}
	}
	return fmt.Sprintf("hold back goroutine %x before its operation %d", p.id, p.n)
}
