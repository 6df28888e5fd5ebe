package stability

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/signals"
)

// told gives readings to an actions, one per second each, and says what it made of them.
type told struct {
	*actions
	store *signals.Store
	now   time.Duration
}

func newTold() *told {
	schema := signals.NewSchema(signals.Standard()...)
	return &told{actions: newActions(schema), store: signals.NewStore(schema, signals.StoreConfig{})}
}

func (o *told) read(s *signals.Signal, labels signals.Labels, values ...float64) {
	id, _, _ := o.store.Schema().Lookup(s.Name())
	for _, v := range values {
		o.now += time.Second
		sample := []signals.Sample{{ID: id, Labels: labels, At: o.now, Value: v}}
		o.store.Push(sample[0])
		o.look(o.store, sample, time.Unix(0, 0))
	}
}

func (o *told) said() (all []string) {
	for _, a := range o.list {
		all = append(all, strings.ReplaceAll(a.String(), `"`, ""))
	}
	return all
}

func TestActions(t *testing.T) {
	bank, reason := signals.NewLabels("breaker", "bank"), signals.NewLabels("admission", "api", "priority", "normal", "reason", "gc")
	for name, test := range map[string]struct {
		read func(o *told)
		want []string
	}{
		"the first reading tells nothing": {func(o *told) { o.read(signals.Breaker.State, bank, 2, 2) }, nil},
		"a breaker opens and closes":      {func(o *told) { o.read(signals.Breaker.State, bank, 0, 0, 2, 1, 0) }, []string{"breaker.state{breaker=bank}: 0 -> 2", "breaker.state{breaker=bank}: 2 -> 1", "breaker.state{breaker=bank}: 1 -> 0"}},
		"a step of the pacer":             {func(o *told) { o.read(signals.GCPacer.Percent, signals.Labels{}, 100, 100, 150) }, []string{"gcpacer.percent: 100 -> 150"}},
		"a pool moves":                    {func(o *told) { o.read(signals.SQLDB.Max, signals.NewLabels("pool", "orders"), 10, 14) }, []string{"db.client.connection.max{pool=orders}: 10 -> 14"}},
		"a reload":                        {func(o *told) { o.read(signals.Config.Generation, signals.NewLabels("config", "main"), 1, 2) }, []string{"config.generation{config=main}: 1 -> 2"}},
		"what was refused is counted":     {func(o *told) { o.read(signals.Config.Rejected, signals.NewLabels("config", "main"), 0, 3) }, []string{"config.rejected.count{config=main}: 3 times"}},
		"a count that begins anew":        {func(o *told) { o.read(signals.GCPacer.Reverts, signals.Labels{}, 5, 0, 1) }, []string{"gcpacer.reverts: 1 times"}},
		"shedding is told once for a while": {func(o *told) {
			o.read(signals.Admission.Shed, reason, 0, 4, 9, 9, 9, 20)
			o.read(signals.Admission.Shed, reason, twentyTimes(20)...)
		}, []string{"admission.shed{admission=api,priority=normal,reason=gc}: begins", "admission.shed{admission=api,priority=normal,reason=gc}: has ended after 20 times"}},
		"what adapts all the time": {func(o *told) { o.read(signals.Bulkhead.Limit, signals.NewLabels("bulkhead", "db"), 10, 11, 12) }, nil},
	} {
		o := newTold()
		test.read(o)
		if got := o.said(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// twentyTimes returns a value twenty times.
func twentyTimes(v float64) []float64 {
	list := make([]float64, 20)
	for i := range list {
		list[i] = v
	}
	return list
}

// What has ended did so when it was last counted, not when that was noticed. An instance that is read no longer has ended too.
func TestTheEndOfAWhile(t *testing.T) {
	o := newTold()
	shed := signals.NewLabels("admission", "api", "priority", "normal", "reason", "gc")
	o.read(signals.Admission.Shed, shed, 0, 4, 9)
	o.read(signals.Admission.Shed, shed, 9, 9, 9, 9, 9, 9, 9, 9, 9)
	o.forget(o.store, o.now, time.Unix(0, 0))
	if len(o.list) != 1 {
		t.Errorf("after nine quiet readings it tells %v", o.said())
	}
	o.read(signals.Admission.Shed, shed, 9)
	if last := o.list[len(o.list)-1]; last.Kind != Ended || last.Age != 3*time.Second || !last.At.Equal(time.Unix(3, 0)) || last.To != 9 {
		t.Errorf("the end is told as %+v", last)
	}
	o.read(signals.Admission.Shed, shed, 10)
	o.forget(o.store, o.now+goneTicks*time.Second-1, time.Unix(0, 0))
	if last := o.list[len(o.list)-1]; last.Kind != Began {
		t.Errorf("within a minute without a reading it tells %+v", last)
	}
	o.forget(o.store, o.now+goneTicks*time.Second, time.Unix(0, 0))
	if last := o.list[len(o.list)-1]; last.Kind != Ended || last.Age != o.now || len(o.whiles) != 0 {
		t.Errorf("of what is read no longer it tells %+v, %d whiles are left", last, len(o.whiles))
	}
}

// The memory of actions is bounded, and a service in which nothing is done pays with no allocation.
func TestActionsAreBounded(t *testing.T) {
	o := newTold()
	const most = 2 * keepActions
	for i := range most {
		name := signals.NewLabels("retry", fmt.Sprint(i))
		o.read(signals.Retry.Refused, name, 0, 1)
		o.store.Forget(o.now) // nobody reads it again
		if i == most/2 && len(o.whiles) != keepActions {
			t.Errorf("%d whiles at once", len(o.whiles))
		}
	}
	if len(o.whiles) != keepActions || o.seq != keepActions {
		t.Errorf("%d whiles at once, %d actions", len(o.whiles), o.seq)
	}
	o.forget(o.store, o.now+goneTicks*time.Second, time.Unix(0, 0))
	if len(o.list) != keepActions || cap(o.list) != keepActions || len(o.whiles) != 0 || o.list[keepActions-1].Seq != 2*keepActions {
		t.Errorf("%d actions, %d whiles; the last is %+v", len(o.list), len(o.whiles), o.list[len(o.list)-1])
	}
	state := float64(0)
	id, _, _ := o.store.Schema().Lookup(signals.GCPacer.Percent.Name())
	sample := []signals.Sample{{ID: id}}
	for _, step := range []float64{0, 1} {
		if n := testing.AllocsPerRun(100, func() {
			o.now += time.Second
			state += step
			sample[0].At, sample[0].Value = o.now, state
			o.store.Push(sample[0])
			o.look(o.store, sample, time.Unix(0, 0))
		}); n != 0 {
			t.Errorf("%g allocations with steps of %g", n, step)
		}
	}
}

// stepping reads GOGC as a pacer sets it that takes a step each two readings.
type stepping struct{ n int }

func (*stepping) Describe() []*signals.Signal { return []*signals.Signal{signals.GCPacer.Percent} }

func (s *stepping) Sample(dst *signals.Batch) {
	dst.Add(signals.GCPacer.Percent, float64(100+s.n/2*10))
	s.n++
}

func TestAMonitorTellsOfActions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor(Config{Logger: slog.New(slog.DiscardHandler)})
		if err := m.Attach(&stepping{}); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if err := m.Start(); err != nil {
			t.Fatal(err)
		}
		defer m.Stop()
		time.Sleep(5*time.Second + time.Second/2)
		all := m.Actions(0)
		if len(all) != 2 || all[0].String() != "gcpacer.percent: 100 -> 110" || !all[0].At.Equal(begun.Add(2*time.Second)) {
			t.Errorf("it tells %+v", all)
		}
		if later := m.Actions(1); len(later) != 1 || later[0].Seq != 2 || m.Actions(2) == nil {
			t.Errorf("after the first it tells %+v", later)
		}
	})
}

// The page has words for each, in both languages.
func TestThePageKnowsTheActions(t *testing.T) {
	script, err := os.ReadFile("console/static/timeline.js")
	if err != nil {
		t.Fatal(err)
	}
	for s := range telling {
		if n := strings.Count(string(script), fmt.Sprintf("%q: \"", s.Name())); n != 2 {
			t.Errorf("%s is in console/static/timeline.js %d times, want once for each language", s.Name(), n)
		}
	}
}

func TestActionAsJSON(t *testing.T) {
	want := Action{Seq: 7, Kind: Ended, Signal: "retry.refused", Labels: signals.NewLabels("retry", "<b>"), To: 3, At: time.Unix(9, 0).UTC()}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Action
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Errorf("%s read as %+v, %v", text, got, err)
	}
	if err := json.Unmarshal([]byte(`{"kind":"done"}`), &got); err == nil {
		t.Error("any word is a kind")
	}
}
