package signal

import (
	"fmt"
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
