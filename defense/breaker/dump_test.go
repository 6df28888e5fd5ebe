package breaker

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/signals"
)

// read samples a source into name{labels} → value.
func read(s signals.Source) map[string]float64 {
	var batch signals.Batch
	s.Sample(&batch)
	values := make(map[string]float64)
	for _, r := range batch.Readings() {
		values[r.Signal.Name()+r.Labels.String()] = r.Value
	}
	return values
}

func TestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		risk := mustNew(t, Config{Name: "risk", Critical: true, SlowCall: time.Second})
		offers := mustNew(t, Config{Name: "offers"})
		source := Source(risk, offers)
		report(t, risk, 2, Success)
		report(t, risk, 2, Failure)
		p, _ := risk.Acquire()
		sleep(time.Second)
		p.Done(Ignored)
		want := map[string]float64{
			`breaker.state{breaker="risk"}`: 0, `breaker.critical_open{breaker="risk"}`: 0, `breaker.calls{breaker="risk"}`: 5,
			`breaker.failures{breaker="risk"}`: 2, `breaker.slow_calls{breaker="risk"}`: 1, `breaker.rejected{breaker="risk"}`: 0,
			`breaker.opened{breaker="risk"}`: 0, `breaker.failure_ratio{breaker="risk"}`: 0.4, `breaker.state{breaker="offers"}`: 0,
		}
		check := func() {
			t.Helper()
			got := read(source)
			for name, value := range want {
				if v, ok := got[name]; !ok || v != value {
					t.Errorf("%s = %v, %v; want %v", name, v, ok, value)
				}
			}
			if _, ok := got[`breaker.failure_ratio{breaker="offers"}`]; ok {
				t.Error("an empty window has a failure ratio")
			}
		}
		check()
		report(t, risk, 15, Failure)
		for range 7 {
			_, _ = risk.Acquire()
		}
		for name, value := range map[string]float64{"state": 2, "critical_open": 1, "calls": 20, "failures": 17, "rejected": 7, "opened": 1} {
			want["breaker."+name+`{breaker="risk"}`] = value
		}
		delete(want, `breaker.failure_ratio{breaker="risk"}`)
		check()
		check() // reading changes nothing
		sleep(5 * time.Second)
		want[`breaker.state{breaker="risk"}`] = 1
		check()
	})
}

func TestSampleAllocatesNothing(t *testing.T) {
	source := Source(mustNew(t, Config{}))
	var batch signals.Batch
	source.Sample(&batch)
	if n := testing.AllocsPerRun(100, func() { batch.Reset(); source.Sample(&batch) }); n != 0 {
		t.Errorf("Sample allocates %v times, want 0", n)
	}
}

func TestRejectionsOfAStormAreCountedUpToABound(t *testing.T) {
	b := mustNew(t, Config{Timeout: time.Hour})
	trip(t, b)
	for range maxCounted + 1000 {
		_, _ = b.Acquire()
	}
	if got := b.Dump().Rejected; got != maxCounted {
		t.Errorf("%d rejections are counted, want %d", got, maxCounted)
	}
	_, _ = b.Acquire()
	if got := b.Dump().Rejected; got != maxCounted+1 {
		t.Errorf("%d after a reading and one more, want %d", got, maxCounted+1)
	}
}

func TestDumpIsJSON(t *testing.T) {
	b := mustNew(t, Config{Name: "risk"})
	trip(t, b)
	data, err := json.Marshal(b.Dump())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"State":"open"`, `"name":"risk"`, `"Reason":"20 of 20 calls in 10s failed"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%s does not say %s", data, want)
		}
	}
}
