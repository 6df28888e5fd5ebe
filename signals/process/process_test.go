package process

import (
	"testing"

	"github.com/falsifiable/stability/signals"
)

// sources are those of the tests, kept to the end: one that is forgotten has its files closed by the collector, whenever that comes, and
// another test that counts open files would count some fewer.
var sources []*Source

func newSource() *Source {
	sources = append(sources, New())
	return sources[len(sources)-1]
}

// read samples s and returns the readings by signal name.
func read(t testing.TB, s *Source) map[string]float64 {
	t.Helper()
	var batch signals.Batch
	s.Sample(&batch)
	readings := make(map[string]float64)
	for _, r := range batch.Readings() {
		readings[r.Signal.Name()] = r.Value
	}
	return readings
}

func TestUptimeGrows(t *testing.T) {
	s := newSource()
	a, b := read(t, s)["process.uptime"], read(t, s)["process.uptime"]
	if a <= 0 || b <= a {
		t.Errorf("process.uptime = %v, then %v; want it to grow", a, b)
	}
}

func BenchmarkSample(b *testing.B) {
	s := New()
	var batch signals.Batch
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		s.Sample(&batch)
	}
}
