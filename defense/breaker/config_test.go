package breaker

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhitepapersConfiguration(t *testing.T) {
	var c Config
	if err := json.Unmarshal([]byte(`{"failureThreshold": 0.8, "minimumRequests": 20, "timeoutMs": 5000}`), &c); err != nil {
		t.Fatal(err)
	}
	if want := (Config{FailureThreshold: 0.8, MinimumRequests: 20, Timeout: 5 * time.Second}); !reflect.DeepEqual(c, want) {
		t.Errorf("read %+v, want %+v", c, want)
	}
}

func TestReadingConfiguration(t *testing.T) {
	full := Config{"risk", true, 0.5, 7, time.Minute, time.Second, 1500 * time.Microsecond, 0.25, 5, 3, nil, nil}
	data, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var back Config
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, full) {
		t.Errorf("%s became %+v, %v; want %+v", data, back, err, full)
	}
	// A file that has only what it changes changes nothing else, functions included.
	c := full
	c.IsFailure = func(error) bool { return false }
	if err := json.Unmarshal([]byte(`{"probes":9}`), &c); err != nil || c.Probes != 9 || c.Name != "risk" || c.IsFailure == nil {
		t.Errorf("reading one key made it %+v, %v", c, err)
	}
	if err := json.Unmarshal([]byte(`{"failureTreshold":0.8}`), &c); err == nil || !strings.Contains(err.Error(), "failureTreshold") {
		t.Errorf("a mistyped key: %v, want an error that names it", err)
	}
	// A YAML library hands over its own decoding.
	if err := c.UnmarshalYAML(func(v any) error { return json.Unmarshal([]byte(`{"windowMs":2500}`), v) }); err != nil || c.Window != 2500*time.Millisecond {
		t.Errorf("as a YAML library does it: %v, %v", c.Window, err)
	}
	if err := c.UnmarshalYAML(func(any) error { return errDown }); !errors.Is(err, errDown) {
		t.Errorf("the library's error became %v", err)
	}
}

func TestEveryKeyHasTheSameTags(t *testing.T) {
	for i := range reflect.TypeFor[file]().NumField() {
		f := reflect.TypeFor[file]().Field(i)
		if f.Tag.Get("json") != f.Tag.Get("yaml") || !strings.HasSuffix(f.Tag.Get("json"), ",omitempty") {
			t.Errorf("%s is tagged %s", f.Name, f.Tag)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   string // part of the error
	}{
		{Config{}, ""},
		{Config{FailureThreshold: 1, SlowCallThreshold: 1, Probes: maxProbes, Window: maxWindow}, ""},
		{Config{Name: "risk", FailureThreshold: 80}, "breaker: validating risk: failureThreshold is 80, not in (0, 1]"},
		{Config{FailureThreshold: -0.1}, "failureThreshold"},
		{Config{FailureThreshold: math.NaN()}, "failureThreshold"},
		{Config{MinimumRequests: -1}, "minimumRequests"},
		{Config{Window: time.Millisecond}, "windowMs is 1,"},
		{Config{Window: time.Hour}, "windowMs"},
		{Config{Timeout: -1}, "timeoutMs"},
		{Config{SlowCall: -1}, "slowCallMs"},
		{Config{SlowCallThreshold: 2}, "slowCallThreshold"},
		{Config{Probes: -1}, "probes"},
		{Config{Probes: maxProbes + 1}, "probes"},
		{Config{Probes: 2, ProbeSuccesses: 3}, "probeSuccesses is 3, not between 1 and the number of probes"},
	} {
		err := test.config.Validate()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want an error with %q", test.config, err, test.want)
		}
		if _, newErr := New(test.config); (newErr == nil) != (err == nil) {
			t.Errorf("%+v: New = %v, Validate = %v", test.config, newErr, err)
		}
	}
}

func TestReconfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{Name: "risk", Timeout: time.Hour, IsFailure: func(err error) bool { return err == errDown }})
		if err := b.Reconfigure(Config{FailureThreshold: 2}); err == nil || b.Dump().Config.Timeout != time.Hour {
			t.Errorf("a bad configuration: %v, then %+v; want an error and the old one (docs/guide/hazards.md, 13)", err, b.Dump().Config)
		}
		trip(t, b)
		sleep(2 * time.Second)
		if err := b.Reconfigure(Config{Timeout: 5 * time.Second, Probes: 3}); err != nil {
			t.Fatal(err)
		}
		var rejection *OpenError
		if _, err := b.Acquire(); !errors.As(err, &rejection) || rejection.RetryAfter() != 3*time.Second {
			t.Errorf("a shorter timeout leaves %v to wait, want 3 s", err)
		}
		sleep(3 * time.Second)
		report(t, b, 2, Success)
		if b.State() != HalfOpen {
			t.Fatalf("state = %v after 2 of 3 probes, want half-open", b.State())
		}
		// With two probes let through, a trial of two would wait for ever if it were not begun anew.
		if err := b.Reconfigure(Config{Timeout: 5 * time.Second, Probes: 2}); err != nil {
			t.Fatal(err)
		}
		report(t, b, 2, Success)
		if got := b.Dump(); got.State != Closed || got.Config.Name != "risk" || got.Config.IsFailure == nil {
			t.Errorf("%+v, want closed, the old name and functions", got)
		}
		// A timeout that has long passed ends the open state at once.
		trip(t, b)
		sleep(4 * time.Second)
		if err := b.Reconfigure(Config{Timeout: time.Second}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if b.State() != HalfOpen {
			t.Errorf("state = %v, want half-open", b.State())
		}
	})
}

func TestReconfiguredSlowness(t *testing.T) {
	b := mustNew(t, Config{MinimumRequests: 1})
	early, _ := b.Acquire()
	if err := b.Reconfigure(Config{SlowCall: 1, SlowCallThreshold: 0.5, MinimumRequests: 1}); err != nil {
		t.Fatal(err)
	}
	early.Done(Success) // begun before calls were timed: not slow, whatever it took
	if b.State() != Closed {
		t.Errorf("state = %v after a call without a start, want closed", b.State())
	}
	report(t, b, 1, Success)
	if b.State() != Open {
		t.Errorf("state = %v after a slow call, want open", b.State())
	}
}

func FuzzConfig(f *testing.F) {
	for _, s := range []string{`{}`, `{"failureThreshold":0.8,"minimumRequests":20,"timeoutMs":5000}`, `{"windowMs":1e300}`,
		`{"timeoutMs":-1e300}`, `{"probes":1000,"probeSuccesses":1000}`, `{"slowCallMs":0.000001}`, `null`, `[]`, `{"x":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Config
		if json.Unmarshal(data, &c) != nil {
			return
		}
		b, err := New(c)
		if (err == nil) != (c.Validate() == nil) {
			t.Fatalf("%s: New = %v, Validate = %v", data, err, c.Validate())
		}
		if err != nil {
			return
		}
		defer b.Dump()
		again, err := json.Marshal(b.Dump().Config)
		if err != nil {
			t.Fatal(err)
		}
		var back Config
		if err := json.Unmarshal(again, &back); err != nil || back.Validate() != nil {
			t.Errorf("%s is valid, but not %s: %v, %v", data, again, err, back.Validate())
		}
		p, err := b.Acquire()
		if err != nil {
			t.Errorf("%s: a new breaker rejects: %v", data, err)
		}
		p.Done(Failure)
	})
}
