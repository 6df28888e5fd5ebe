package falsify

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/falsify/plan"
)

// survey is everything that the service reads while it is examined.
type survey struct {
	all map[signalKey][]reading
}

func newSurvey() *survey { return &survey{all: make(map[signalKey][]reading)} }

func (s *survey) add(key signalKey, r reading) { s.all[key] = append(s.all[key], r) }

// readings returns for each instance the median of what it read since a moment, and how fast it grew.
func (s *survey) readings(since time.Time) (all []plan.Reading) {
	keys := slices.SortedFunc(maps.Keys(s.all), func(a, b signalKey) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		course := s.all[key]
		from, _ := slices.BinarySearchFunc(course, since, func(r reading, t time.Time) int { return r.at.Compare(t) })
		course = course[min(from, len(course)-1):]
		first, last := course[0], course[len(course)-1]
		r := plan.Reading{Name: key.name, Labels: key.labels, Value: middle(course)}
		if took := last.at.Sub(first.at).Seconds(); took > 0 {
			r.Growth = (last.value - first.value) / took
		}
		all = append(all, r)
	}
	return all
}

func middle(course []reading) float64 {
	values := make([]float64, len(course))
	for i, r := range course {
		values[i] = r.value
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// world is what the plans go by: what the service read since a moment, and what the machine has.
func (f *falsification) world(w *watch, since time.Time) plan.World {
	world := plan.World{
		Readings: w.everything.readings(since), Scale: f.cfg.Scale, Sample: w.sample, Limit: f.tier.patience, Memory: spareMemory() / 2,
	}
	for _, name := range slices.Sorted(maps.Keys(w.descs)) {
		world.Schema = append(world.Schema, w.descs[name])
	}
	return world
}

// spareMemory is what the machine, or the container, has left, in bytes; 0 where nobody tells.
func spareMemory() float64 {
	spare := 0.0
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "MemAvailable:" {
				kib, _ := strconv.ParseFloat(fields[1], 64)
				spare = kib * 1024
			}
		}
	}
	limit, used := number("/sys/fs/cgroup/memory.max"), number("/sys/fs/cgroup/memory.current")
	if limit > 0 && used > 0 && (spare == 0 || limit-used < spare) {
		spare = max(limit-used, 1)
	}
	return spare
}

// number reads a file that holds one, 0 if it does not.
func number(path string) float64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	if err != nil {
		return 0 // "max"
	}
	return v
}
