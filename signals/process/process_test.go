package process

import (
	"testing"

	"github.com/falsifiable/stability/signals"
)

// read samples s and returns the readings by signal name.
func read(t testing.TB, s *Source) map[string]float64 {
	t.Helper()
	var batch signals.Batch
	s.Sample(&batch)
	ids := make([]signals.ID, len(s.Describe()))
	for i := range ids {
		ids[i] = signals.ID(i)
	}
	readings := make(map[string]float64)
	for _, r := range batch.AppendTo(nil, ids, 1) {
		readings[s.Describe()[r.ID].Name] = r.Value
	}
	return readings
}

// The constants are indexes into the descriptions, so their order is theirs.
func TestOrderIsThatOfTheDescriptions(t *testing.T) {
	names := []string{
		memoryUsage: "process.memory.usage", cpuTime: "process.cpu.time",
		descriptors: "process.open_file_descriptor.count", descriptorLimit: "process.open_file_descriptor.limit",
		threads: "process.thread.count", uptime: "process.uptime",
	}
	descs := New().Describe()
	if len(descs) != len(names) {
		t.Fatalf("%d descriptions, want %d", len(descs), len(names))
	}
	for i, d := range descs {
		if d.Name != names[i] {
			t.Errorf("description %d is %s, want %s", i, d.Name, names[i])
		}
	}
}

func TestUptimeGrows(t *testing.T) {
	s := New()
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
