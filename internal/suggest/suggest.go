// Package suggest finds the word that somebody meant who wrote another: what every "did you mean" of the project asks.
package suggest

import (
	"slices"
	"strings"
)

// Nearest returns the word that was most likely meant, or "" if none is near: one that differs in case only, one
// whose last segments are the word (NumGoroutine for runtime.NumGoroutine) or whose beginning it is, or one a few typing errors away.
func Nearest(word string, known []string) string {
	low := strings.ToLower(word)
	for _, k := range known {
		if strings.ToLower(k) == low {
			return k
		}
	}
	for _, k := range known {
		if len(low) > 2 && (strings.HasSuffix(strings.ToLower(k), "."+low) || strings.HasPrefix(strings.ToLower(k), low)) {
			return k
		}
	}
	best, allowed := "", min(3, (len(word)+1)/3)
	for _, k := range known {
		if d := distance(low, strings.ToLower(k), allowed); d <= allowed && d < len(word) {
			best, allowed = k, d-1
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of neighbors that turn a into b. It gives up
// above limit.
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if limit < 0 || max(len(x), len(y))-min(len(x), len(y)) > limit {
		return limit + 1
	}
	before, last, now := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		now[0] = i
		for j := 1; j <= len(y); j++ {
			now[j] = min(last[j], now[j-1]) + 1
			if x[i-1] == y[j-1] {
				now[j] = min(now[j], last[j-1])
			} else {
				now[j] = min(now[j], last[j-1]+1)
			}
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		if slices.Min(now) > limit {
			return limit + 1
		}
		before, last, now = last, now, before
	}
	return last[len(y)]
}
