package signals

import (
	"math"
	"slices"
	"strconv"
	"testing"
	"time"
)

// read samples a source with one signal.
func read(s Source) []Reading {
	var batch Batch
	s.Sample(&batch)
	return batch.Readings()
}

func TestFunctionsAreSources(t *testing.T) {
	var never time.Time
	for _, test := range []struct {
		name   string
		source Source
		desc   Desc
		want   float64 // NaN for no reading
	}{
		{"gauge", GaugeFunc("queue.bytes", Bytes, func() float64 { return 7 }), Desc{Name: "queue.bytes", Unit: Bytes}, 7},
		{"counter", CounterFunc("jobs", Count, func() float64 { return 8 }), Desc{Name: "jobs", Kind: Counter}, 8},
		{"collection", CollectionFunc("streams", func() int { return 9 }), Desc{Name: "streams", Kind: Size}, 9},
		{"time never set", TimeFunc("lastClose", func() time.Time { return never }), Desc{Name: "lastClose", Unit: Seconds, Kind: Instant}, math.NaN()},
		{"no number", GaugeFunc("x", Ratio, math.NaN), Desc{Name: "x", Unit: Ratio}, math.NaN()},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := test.source.Describe()[0].Desc()
			if d.Name != test.desc.Name || d.Unit != test.desc.Unit || d.Kind != test.desc.Kind || d.Source != "user" {
				t.Errorf("Describe = %+v, want %+v", d, test.desc)
			}
			got := read(test.source)
			if math.IsNaN(test.want) {
				if len(got) != 0 {
					t.Errorf("readings = %v, want none", got)
				}
				return
			}
			if len(got) != 1 || got[0].Value != test.want {
				t.Errorf("readings = %v, want %v", got, test.want)
			}
		})
	}
}

func TestTimeIsReadAsItsAge(t *testing.T) {
	then := time.Now().Add(-time.Hour)
	got := read(TimeFunc("lastClose", func() time.Time { return then }))
	if len(got) != 1 || got[0].Value < 3600 || got[0].Value > 3700 {
		t.Errorf("readings = %v, want an age of an hour in seconds", got)
	}
}

func TestInstancesOfAFunction(t *testing.T) {
	pools := []string{"orders", "users"}
	source := GaugeVecFunc("pool.in_use", Count, []string{"db", "pool"}, func(set Set) {
		for i, p := range pools {
			set(float64(i), "main", p)
		}
	})
	if d := source.Describe()[0].Desc(); !slices.Equal(d.Labels, []string{"db", "pool"}) || d.Kind != Gauge {
		t.Errorf("Describe = %+v", d)
	}
	for range 2 {
		got := read(source)
		if len(got) != 2 || got[1].Value != 1 || got[1].Labels != NewLabels("pool", "users", "db", "main") {
			t.Fatalf("readings = %v", got)
		}
	}
	counter := CounterVecFunc("calls", Count, []string{"peer"}, func(set Set) { set(3, "risk") })
	if d := counter.Describe()[0].Desc(); d.Kind != Counter || read(counter)[0].Labels != NewLabels("peer", "risk") {
		t.Errorf("a counter with instances is %+v", d)
	}
}

func TestLabelValuesAreNotMixedUp(t *testing.T) {
	source := GaugeVecFunc("x", Count, []string{"a", "b"}, func(set Set) {
		set(1, "p", "q|r")
		set(2, "p|q", "r")
		set(3, "pq", "r")
		set(4, "p", "qr")
	})
	seen := make(map[Labels]bool)
	for _, s := range read(source) {
		seen[s.Labels] = true
	}
	if len(seen) != 4 {
		t.Errorf("4 instances have %d different labels", len(seen))
	}
}

func TestKeptLabelsAreBounded(t *testing.T) {
	n := 0
	source := GaugeVecFunc("x", Count, []string{"request"}, func(set Set) {
		for range 3 * maxKnown {
			n++
			set(1, time.Duration(n).String())
		}
	})
	if got := len(read(source)); got != 3*maxKnown {
		t.Errorf("%d readings, want all %d", got, 3*maxKnown)
	}
	if got := len(source.(*vecFunc).known); got != maxKnown {
		t.Errorf("%d labels are kept, want %d", got, maxKnown)
	}
}

func TestWrongNumberOfLabelValuesPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a call of set with too few values does not panic")
		}
	}()
	read(GaugeVecFunc("x", Count, []string{"a", "b"}, func(set Set) { set(1, "only one") }))
}

func TestBatchDropsWhatIsNoReading(t *testing.T) {
	level := Declare(Desc{Name: "level"})
	var batch Batch
	batch.Add(level, 1)
	batch.Add(level, math.NaN())
	batch.Add(level, math.Inf(1))
	if got := batch.Readings(); len(got) != 1 || got[0] != (Reading{Signal: level, Value: 1}) || batch.Refused() != 1 {
		t.Errorf("readings = %v, %d refused", got, batch.Refused())
	}
	if batch.Reset(); len(batch.Readings()) != 0 || batch.Refused() != 0 {
		t.Error("Reset left readings")
	}
}

// TestASourceGoneWildIsBounded: one with an instance for each user must not cost the monitor its memory.
func TestASourceGoneWildIsBounded(t *testing.T) {
	source := GaugeVecFunc("sessions", Count, []string{"user"}, func(set Set) {
		for i := range 3 * MaxReadings {
			set(1, strconv.Itoa(i))
		}
	})
	var batch Batch
	source.Sample(&batch)
	if n := len(batch.Readings()); n != MaxReadings || batch.Refused() != 2*MaxReadings {
		t.Errorf("%d readings, %d refused; want %d and %d", n, batch.Refused(), MaxReadings, 2*MaxReadings)
	}
}

func TestKnownInstancesNeedNoNewLabels(t *testing.T) {
	source := GaugeVecFunc("pool.in_use", Count, []string{"pool"}, func(set Set) { set(1, "orders") })
	var batch Batch
	source.Sample(&batch)
	// What remains is the closure and the caller's list of values.
	if n := testing.AllocsPerRun(100, func() { batch.Reset(); source.Sample(&batch) }); n > 2 {
		t.Errorf("Sample allocates %v times, want at most 2", n)
	}
	gauge := GaugeFunc("queue", Count, func() float64 { return 1 })
	if n := testing.AllocsPerRun(100, func() { batch.Reset(); gauge.Sample(&batch) }); n != 0 {
		t.Errorf("Sample of a gauge allocates %v times, want 0", n)
	}
}
