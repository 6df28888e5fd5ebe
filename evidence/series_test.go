package evidence

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/signal"
)

// record fills a store with a gauge that has instances and a counter that is reset, and records it from 3 s on.
func record(t *testing.T) (*signal.Schema, *Series) {
	t.Helper()
	schema := signal.NewSchema()
	pool, err := schema.Add(signal.Desc{Name: "pool.active", Unit: signal.Count, Labels: []string{"pool"}, Bound: "pool.max"})
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := schema.Add(signal.Desc{Name: "sent", Aliases: []string{"out"}, Unit: signal.Bytes, Kind: signal.Counter})
	if err != nil {
		t.Fatal(err)
	}
	store := signal.NewStore(schema, signal.StoreConfig{})
	store.Retain(pool, 4*time.Second)
	store.Retain(bytes, 4*time.Second)
	orders, users := signal.NewLabels("pool", "orders"), signal.NewLabels("pool", `us"ers`)
	for i := range 20 {
		at := time.Duration(i) * time.Second
		store.Push(signal.Sample{ID: pool, Labels: orders, At: at, Value: float64(i) / 3})
		if i%2 == 0 {
			store.Push(signal.Sample{ID: pool, Labels: users, At: at, Value: math.Inf(1)})
		}
		store.Push(signal.Sample{ID: bytes, At: at, Value: float64(i % 15 * 1000)})
	}
	return schema, RecordSeries(store, []signal.ID{pool, bytes}, 15*time.Second, 19*time.Second)
}

func TestSeriesRoundTrip(t *testing.T) {
	_, doc := record(t)
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var read Series
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&read, doc) {
		t.Errorf("read back\n%+v, want\n%+v", &read, doc)
	}
	again, err := json.Marshal(&read)
	if err != nil || string(again) != string(text) {
		t.Errorf("written again\n%s, want\n%s (%v)", again, text, err)
	}
	if !strings.Contains(string(text), `"unit":"bytes","kind":"counter"`) || !strings.Contains(string(text), `"+Inf"`) {
		t.Errorf("the document is %s", text)
	}
}

// TestSeriesReplay: a store fed by the replay holds what the first one held.
func TestSeriesReplay(t *testing.T) {
	_, doc := record(t)
	schema := signal.NewSchema()
	steps, err := doc.Replay(schema)
	if err != nil {
		t.Fatal(err)
	}
	store := signal.NewStore(schema, signal.StoreConfig{})
	var ids []signal.ID
	for _, name := range []string{"pool.active", "out"} {
		id, _, ok := schema.Lookup(name)
		if !ok {
			t.Fatalf("the replay did not declare %s", name)
		}
		store.Retain(id, 4*time.Second)
		ids = append(ids, id)
	}
	var times []time.Duration
	for at, samples := range steps {
		times = append(times, at)
		for _, s := range samples {
			if s.At != at {
				t.Fatalf("a sample of %v in the step of %v", s.At, at)
			}
			store.Push(s)
		}
	}
	if want := []time.Duration{15e9, 16e9, 17e9, 18e9, 19e9}; !reflect.DeepEqual(times, want) {
		t.Errorf("steps at %v, want %v", times, want)
	}
	if got := RecordSeries(store, ids, 15*time.Second, 19*time.Second); !reflect.DeepEqual(got, doc) {
		t.Errorf("after the replay\n%+v, want\n%+v", got, doc)
	}
}

func TestSeriesRefusesNonsense(t *testing.T) {
	for text, want := range map[string]string{
		`{"signals":[{"name":"a","unit":"stone","kind":"gauge"}]}`:                                                        `unknown unit "stone"`,
		`{"signals":[{"name":"a","unit":"count","kind":"sundial"}]}`:                                                      `unknown kind "sundial"`,
		`{"signals":[{"name":"a","unit":"count","kind":"gauge","instances":[{"at_ns":[1],"value":[]}]}]}`:                 `1 times and 0 values`,
		`{"signals":[{"name":"a","unit":"count","kind":"gauge","instances":[{"at_ns":[2,2],"value":[1,1]}]}]}`:            `reading 1 at 2ns is not after 2ns`,
		`{"signals":[{"name":"a","unit":"count","kind":"gauge","instances":[{"at_ns":[2],"value":["much"]}]}]}`:           `number 0 is "much"`,
		`{"signals":[{"name":"","unit":"count","kind":"gauge"}]}`:                                                         `it has no name`,
		`{"signals":[{"name":"a","unit":"count","kind":"gauge","instances":[{"labels":"{a}","at_ns":[2],"value":[1]}]}]}`: `parsing labels`,
	} {
		var doc Series
		err := json.Unmarshal([]byte(text), &doc)
		if err == nil {
			_, err = doc.Replay(signal.NewSchema())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzSeries(f *testing.F) {
	f.Add([]byte(`{"signals":[{"name":"a","unit":"count","kind":"gauge","instances":[{"labels":"{a=\"b\"}","at_ns":[2],"value":["NaN"]}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var doc Series
		if json.Unmarshal(text, &doc) != nil {
			return
		}
		steps, err := doc.Replay(signal.NewSchema())
		if err != nil {
			return
		}
		last := time.Duration(math.MinInt64)
		for at, samples := range steps {
			if at < last || len(samples) == 0 {
				t.Fatalf("a step of %d samples at %v after %v", len(samples), at, last)
			}
			last = at
		}
	})
}
