package evidence

import (
	"fmt"
	"time"
)

// highWaterStep is how much worse than the last capture the next must be. A slow leak beats itself every minute;
// by tenths it takes 25 captures from 1,000 goroutines to 10,000.
const highWaterStep = 1.1

// gate decides who may capture. It is plain memory: time comes in. Not safe for concurrent use.
type gate struct {
	cooldown, spacing, reset time.Duration

	all  history
	keys map[string]history
}

// history is what is known of the captures of a key, or of all keys.
type history struct {
	last   time.Time // of the last attempt
	level  float64   // of the last success; 0 when unknown
	bundle string    // of the last success
}

// refusal returns why nothing is to be captured now, or nil.
func (g *gate) refusal(key string, level float64, now time.Time) error {
	refuse := func(h history, reason error, format string, args ...any) error {
		return &Refusal{Key: key, Reason: reason, Detail: fmt.Sprintf(format, args...), Bundle: h.bundle}
	}
	if ago := now.Sub(g.all.last); !g.all.last.IsZero() && ago < g.spacing {
		return refuse(g.all, ErrCooldown, "the last of any check was %v ago, spacing is %v", round(ago), g.spacing)
	}
	h, known := g.keys[key]
	ago := now.Sub(h.last)
	if known && ago < g.cooldown {
		return refuse(h, ErrCooldown, "the last of this check was %v ago, cool-down is %v", round(ago), g.cooldown)
	}
	if known && ago < g.reset && level > 0 && h.level > 0 && level < h.level*highWaterStep {
		return refuse(h, ErrHighWater, "level %.4g does not beat %.4g of %v ago by a tenth", level, h.level, round(ago))
	}
	return nil
}

// attempted counts a capture that begins: one that fails is not tried again at once either.
func (g *gate) attempted(key string, now time.Time) {
	h := g.keys[key]
	if now.Sub(h.last) >= g.reset {
		h.level = 0
	}
	h.last = now
	g.all = history{last: now}
	g.forget(now)
	g.keys[key] = h
}

// succeeded notes the bundle and raises the high-water mark of a key.
func (g *gate) succeeded(key string, level float64, bundle string) {
	h := g.keys[key]
	h.bundle, g.all.bundle = bundle, bundle
	if level > 0 {
		h.level = level
	}
	g.keys[key] = h
}

// remember restores the cool-down of a key from a bundle that an earlier process left, so that a crash loop captures
// no more often than one process does. The high-water mark starts anew: it may be another build.
func (g *gate) remember(key string, at time.Time, bundle string) {
	if g.keys[key].last.Before(at) {
		g.keys[key] = history{last: at, bundle: bundle}
	}
}

// forget drops the keys whose history no longer matters; without it, instances that come and go would grow the map.
func (g *gate) forget(now time.Time) {
	for key, h := range g.keys {
		if now.Sub(h.last) >= max(g.cooldown, g.reset) {
			delete(g.keys, key)
		}
	}
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
