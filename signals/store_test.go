package signals

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

func newTestStore(t testing.TB, config StoreConfig) (*Store, ID) {
	t.Helper()
	schema := NewSchema(Desc{Name: "up"})
	id, err := schema.Add(Desc{Name: "pool.in_use", Labels: []string{"pool"}})
	if err != nil {
		t.Fatal(err)
	}
	return NewStore(schema, config), id
}

func TestInstancesAreKeptApart(t *testing.T) {
	store, id := newTestStore(t, StoreConfig{})
	orders, users := NewLabels("pool", "orders"), NewLabels("pool", "users")
	for i := range 3 {
		at := time.Duration(i+1) * time.Second
		store.Push(Sample{id, orders, at, float64(i)})
		store.Push(Sample{id, users, at, float64(10 * i)})
	}
	if got := all(store.Series(id, users)); !slices.Equal(got, []float64{0, 10, 20}) {
		t.Errorf("users = %v", got)
	}
	if list := store.Instances(id); len(list) != 2 || list[0].Labels() != orders {
		t.Errorf("instances = %v, want orders first", list)
	}
	if store.Series(id, NewLabels("pool", "none")) != nil || store.Series(99, orders) != nil || store.Instances(99) != nil {
		t.Error("the store knows what was never pushed")
	}
}

func TestHazard06InstancesPastTheCapFoldIntoTheirSum(t *testing.T) {
	store, id := newTestStore(t, StoreConfig{MaxInstances: 2})
	store.Retain(id, time.Minute)
	const ticks = 3
	for tick := range ticks {
		for i := range 5 {
			store.Push(Sample{id, NewLabels("pool", fmt.Sprint(i)), time.Duration(tick+1) * time.Second, float64(i)})
		}
	}
	other := store.Series(id, NewLabels("pool", Other))
	if other == nil {
		t.Fatal("there is no instance other")
	}
	// The last tick's sum is not complete before the next tick begins.
	if got := all(other); !slices.Equal(got, []float64{2 + 3 + 4, 2 + 3 + 4}) {
		t.Errorf("other = %v, want the sums of the folded instances in two ticks", got)
	}
	if n := len(store.Instances(id)); n != 3 {
		t.Errorf("%d instances, want the cap and other", n)
	}
	if got := store.Folded(); got != 3*ticks {
		t.Errorf("Folded = %d, want %d", got, 3*ticks)
	}
}

// Latencies and shares are not added up: the worst stands for all.
func TestFoldedLatenciesAreNotAddedUp(t *testing.T) {
	for unit, want := range map[Unit]float64{Seconds: -1, Ratio: -1, Count: -6, Bytes: -6} {
		store := NewStore(NewSchema(Desc{Name: "x", Unit: unit, Labels: []string{"peer"}}), StoreConfig{MaxInstances: 1})
		for tick := range 2 {
			for i := range 4 {
				store.Push(Sample{0, NewLabels("peer", fmt.Sprint(i)), time.Duration(tick+1) * time.Second, -float64(i)})
			}
		}
		if got := all(store.Series(0, NewLabels("peer", Other))); !slices.Equal(got, []float64{want}) {
			t.Errorf("other of a gauge in %v = %v, want [%v]", unit, got, want)
		}
	}
}

// A counter that leaves the others takes its count out of their sum, and that is no reset of the rest.
func TestFoldedCounterLeaves(t *testing.T) {
	store := NewStore(NewSchema(Desc{Name: "x", Kind: Counter, Labels: []string{"peer"}}), StoreConfig{MaxInstances: 1})
	store.Retain(0, time.Minute)
	peers := []Labels{NewLabels("peer", "a"), NewLabels("peer", "b"), NewLabels("peer", "c")}
	for tick := range 5 {
		for i, peer := range peers {
			if i < 2 || tick < 2 {
				store.Push(Sample{0, peer, time.Duration(tick+1) * time.Second, 1000 + float64(tick)})
			}
		}
	}
	if got, want := all(store.Series(0, NewLabels("peer", Other))), []float64{2000, 2002, 2002, 2003}; !slices.Equal(got, want) {
		t.Errorf("other = %v, want %v", got, want)
	}
}

// A source that folds too, as httpserver does, has an instance "other" of its own: there is one of that name and no second.
func TestFoldingJoinsTheSourcesOwnOther(t *testing.T) {
	store := NewStore(NewSchema(Desc{Name: "x", Kind: Counter, Labels: []string{"route"}}), StoreConfig{MaxInstances: 2})
	store.Retain(0, time.Minute)
	for tick := range 5 {
		at := time.Duration(tick+1) * time.Second
		own := 100 + float64(tick)
		if tick == 0 {
			own = 1000 // what follows is after a reset
		}
		store.Push(Sample{0, NewLabels("route", Other), at, own})
		store.Push(Sample{0, NewLabels("route", "a"), at, 1})
		if tick >= 2 {
			store.Push(Sample{0, NewLabels("route", "b"), at, float64(tick - 1)})
		}
	}
	if n := len(store.Instances(0)); n != 2 {
		t.Errorf("%d instances, want 2", n)
	}
	if got, want := all(store.Series(0, NewLabels("route", Other))), []float64{1000, 1101, 1102, 1105}; !slices.Equal(got, want) {
		t.Errorf("other = %v, want %v", got, want)
	}
	if got := store.Folded(); got != 3 {
		t.Errorf("Folded = %d, want the 3 readings of b", got)
	}
}

// When nothing is folded any more the other instance goes too; else every check on the signal would be Unknown for good.
func TestForgetDropsOther(t *testing.T) {
	store, id := newTestStore(t, StoreConfig{MaxInstances: 1})
	other := NewLabels("pool", Other)
	for at := time.Second; at < time.Minute; at += time.Second {
		store.Push(Sample{id, NewLabels("pool", "a"), at, 1})
		if at <= 10*time.Second {
			store.Push(Sample{id, NewLabels("pool", "b"), at, 1})
		}
		store.Forget(at - 20*time.Second)
		if here, want := store.Series(id, other) != nil, at <= 30*time.Second; here != want {
			t.Fatalf("after %v: other is there: %t, want %t", at, here, want)
		}
	}
	store.Push(Sample{id, NewLabels("pool", "c"), time.Minute, 1})
	store.Push(Sample{id, NewLabels("pool", "c"), time.Minute + time.Second, 2})
	if got := all(store.Series(id, other)); !slices.Equal(got, []float64{1}) {
		t.Errorf("other begins anew with %v, want [1]", got)
	}
}

func TestForgetDropsWhatIsGone(t *testing.T) {
	store, id := newTestStore(t, StoreConfig{MaxInstances: 2})
	gone, here := NewLabels("pool", "gone"), NewLabels("pool", "here")
	store.Push(Sample{0, Labels{}, time.Second, 1})
	store.Push(Sample{id, gone, time.Second, 1})
	store.Push(Sample{id, here, time.Second, 1})
	store.Push(Sample{id, here, time.Minute, 1})
	shape := store.Shape()
	store.Forget(30 * time.Second)
	if store.Series(id, gone) != nil || store.Series(id, here) == nil || store.Series(0, Labels{}) == nil {
		t.Error("Forget dropped the wrong series")
	}
	if store.Shape() == shape {
		t.Error("Shape did not change when an instance was dropped")
	}
	store.Push(Sample{id, NewLabels("pool", "new"), time.Minute, 1})
	if n := len(store.Instances(id)); n != 2 {
		t.Errorf("%d instances after one took the place of another, want 2", n)
	}
}

func TestRetainBoundsTheReadings(t *testing.T) {
	store, id := newTestStore(t, StoreConfig{Resolution: time.Second, MaxReadings: 50})
	pool := NewLabels("pool", "orders")
	store.Push(Sample{id, pool, time.Second, 1})
	store.Retain(id, 10*time.Second)
	if got := store.Series(id, pool).Cap(); got < 10 {
		t.Errorf("capacity = %d, want at least 10 for 10 s", got)
	}
	store.Retain(id, 5*time.Second)
	store.Retain(id, time.Hour)
	if got := store.Series(id, pool).Cap(); got != 50 {
		t.Errorf("capacity = %d, want the 50 of MaxReadings", got)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	store, id := newTestStore(t, StoreConfig{MaxInstances: 2})
	labels := []Labels{NewLabels("pool", "a"), NewLabels("pool", "b"), NewLabels("pool", "c")} // c is folded
	at := time.Duration(0)
	tick := func() {
		at += time.Second
		for _, l := range labels {
			store.Push(Sample{id, l, at, 1})
		}
		store.Forget(0)
	}
	tick()
	tick()
	if n := testing.AllocsPerRun(100, tick); n != 0 {
		t.Errorf("a tick allocates %v times, want 0", n)
	}
}

func BenchmarkPush(b *testing.B) {
	store, id := newTestStore(b, StoreConfig{})
	labels, at := NewLabels("pool", "orders"), time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		at += time.Second
		store.Push(Sample{id, labels, at, 1})
	}
}

// TestFoldedSumsStayFinite: of counters that are folded, too.
func TestFoldedSumsStayFinite(t *testing.T) {
	schema := NewSchema(Desc{Name: "up"})
	id, err := schema.Add(Desc{Name: "calls", Kind: Counter, Labels: []string{"peer"}})
	if err != nil {
		t.Fatal(err)
	}
	store := NewStore(schema, StoreConfig{MaxInstances: 1})
	values := map[int][]float64{1: {0, 0, 0}, 2: {1, math.MaxFloat64, math.MaxFloat64}, 3: {1, 1, 2}, 4: {1, 1, 4}, 5: {1, 1, 5}}
	for i := 1; i <= 5; i++ {
		for peer, v := range values[i] {
			store.Push(Sample{id, NewLabels("peer", fmt.Sprint(peer)), time.Duration(i) * time.Second, v})
		}
	}
	other := store.Series(id, NewLabels("peer", Other))
	for i := range other.Len() {
		if _, v := other.At(i); math.IsInf(v, 0) || math.IsNaN(v) {
			t.Errorf("the folded counter reads %v", all(other))
		}
	}
	if other.Len() < 3 {
		t.Errorf("the folded counter reads %v: too little to show anything", all(other))
	}
}
