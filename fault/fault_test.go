package fault_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/falsifiable/stability/fault"
)

var flood = fault.Fault{
	Name: "flood", Title: "Flood", Help: "Too much water.",
	Params: []fault.Param{
		{Name: "where", Choices: []string{"cellar", "attic"}, Help: "Which floor."},
		{Name: "rate", Unit: fault.BytesPerSecond, Default: 1 << 20, Min: 1, Max: 1 << 30, Help: "How fast."},
		{Name: "delay", Unit: fault.Seconds, Default: 1, Min: 0, Max: 60, Help: "When."},
		{Name: "share", Unit: fault.Ratio, Default: 1, Min: 0, Max: 1, Help: "How much of it."},
		{Name: "buckets", Default: 3, Min: 1, Max: 9, Help: "How many."},
	},
	Start: func(context.Context, fault.Args) (fault.Injection, error) {
		return nil, fmt.Errorf("the pump is broken")
	},
}

func TestArgs(t *testing.T) {
	for _, c := range []struct {
		settings string // as JSON
		wrong    string // "" for nothing
	}{
		{`{}`, ""},
		{`{"where":"attic","rate":"50MiB/s","delay":"250ms","share":"20%","buckets":9}`, ""},
		{`{"where":"roof"}`, `fault: ordering flood: parameter "where": "roof" is not one of cellar, attic`},
		{`{"rat":1}`, `fault: ordering flood: parameter "rat": there is no such parameter. Did you mean "rate"? Known: where, rate, delay, share, buckets`},
		{`{"zzzzzzz":1}`, `fault: ordering flood: parameter "zzzzzzz": there is no such parameter. Known: where, rate, delay, share, buckets`},
		{`{"buckets":10}`, `fault: ordering flood: parameter "buckets": 10 is not between 1 and 9`},
		{`{"delay":"2m"}`, `fault: ordering flood: parameter "delay": 2m0s is not between 0s and 1m0s`},
		{`{"rate":"2GiB"}`, `fault: ordering flood: parameter "rate": 2GiB/s is not between 1B/s and 1GiB/s`},
		{`{"rate":"fast"}`, `fault: ordering flood: parameter "rate": "fast" is not a number of bytes per second, such as 50MiB/s`},
		{`{"delay":"NaN"}`, `fault: ordering flood: parameter "delay": "NaN" is not a number of seconds, such as 250ms`},
		{`{"share":"150%","buckets":0}`, "fault: ordering flood: parameter \"buckets\": 0 is not between 1 and 9\nfault: ordering flood: parameter \"share\": 150% is not between 0% and 100%"},
	} {
		var settings fault.Settings
		if err := json.Unmarshal([]byte(c.settings), &settings); err != nil {
			t.Fatalf("%s: %v", c.settings, err)
		}
		if _, err := flood.Args(settings, 1); text(err) != c.wrong {
			t.Errorf("%s: error\n%v\nwant\n%s", c.settings, err, c.wrong)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestArgsValues(t *testing.T) {
	args, err := flood.Args(fault.Settings{"rate": "50MiB/s", "delay": "250ms", "share": "20%"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{args.Choice("where"), args.Number("rate"), args.Duration("delay").String(), args.Number("share"), args.Int("buckets"), args.Number("none")}
	want := []any{"cellar", float64(50 << 20), "250ms", 0.2, 3, 0.0}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("arguments = %v, want %v", got, want)
	}
}

func TestSettingsRefuseWhatIsNoValue(t *testing.T) {
	var settings fault.Settings
	err := json.Unmarshal([]byte(`{"rate":[1]}`), &settings)
	if err == nil || !strings.Contains(err.Error(), `"rate": [1] is neither a number nor a string`) {
		t.Errorf("error = %v", err)
	}
}

func TestInjectSaysWhoFailed(t *testing.T) {
	_, err := flood.Inject(t.Context(), nil, 1)
	if text(err) != "fault: starting flood: the pump is broken" {
		t.Errorf("error = %v", err)
	}
}

func TestFind(t *testing.T) {
	faults := []fault.Fault{flood, {Name: "drought"}}
	if f, err := fault.Find(faults, "drought"); err != nil || f.Name != "drought" {
		t.Errorf("Find = %v, %v", f.Name, err)
	}
	for name, want := range map[string]string{
		"flod":   `fault: finding "flod": there is no such fault. Did you mean "flood"? Known: flood, drought`,
		"quake!": `fault: finding "quake!": there is no such fault. Known: flood, drought`,
		"dro":    `fault: finding "dro": there is no such fault. Did you mean "drought"? Known: flood, drought`,
	} {
		if _, err := fault.Find(faults, name); text(err) != want {
			t.Errorf("error = %v, want %s", err, want)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := flood.Validate(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*fault.Fault){
		"one lower-case word": func(f *fault.Fault) { f.Name = "big flood" },
		"no title":            func(f *fault.Fault) { f.Title = "" },
		"cannot be started":   func(f *fault.Fault) { f.Start = nil },
		"there twice":         func(f *fault.Fault) { f.Params[1] = f.Params[0] },
		"within its bounds":   func(f *fault.Fault) { f.Params[1].Default = -1 },
		"no name or no help":  func(f *fault.Fault) { f.Params[1].Help = "" },
	} {
		spoiled := flood
		spoiled.Params = append([]fault.Param(nil), flood.Params...)
		spoil(&spoiled)
		if err := spoiled.Validate(); !strings.Contains(text(err), want) {
			t.Errorf("error = %v, want one with %q", err, want)
		}
	}
}

func TestQuantitiesReadBack(t *testing.T) {
	for unit, values := range map[fault.Unit][]float64{
		fault.Count:          {0, 1, 2000, 0.5},
		fault.Bytes:          {0, 1, 4096, 800 << 20, 1.5 * (1 << 30)},
		fault.BytesPerSecond: {512, 50 << 20},
		fault.Seconds:        {0, 0.25, 90},
		fault.Ratio:          {0, 0.2, 1},
		fault.PerSecond:      {0.1, 500},
	} {
		for _, v := range values {
			text := fault.FormatQuantity(v, unit)
			if back, err := fault.ParseQuantity(text, unit); err != nil || back != v {
				t.Errorf("%v %s is written %q and read back as %v, %v", v, unit, text, back, err)
			}
		}
	}
}

func FuzzParseQuantity(f *testing.F) {
	for _, s := range []string{"1", "800MiB", "50MiB/s", "250ms", "20%", "500/s", "-1", "1e308GiB", "", "NaN"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, unit := range []fault.Unit{fault.Count, fault.Bytes, fault.Seconds, fault.Ratio, fault.PerSecond, fault.BytesPerSecond} {
			if v, err := fault.ParseQuantity(text, unit); err == nil && v != v {
				t.Errorf("%q in %s is not a number", text, unit)
			}
		}
	})
}

func ExampleFault_Args() {
	_, err := flood.Args(fault.Settings{"rat": "1MiB/s"}, 1)
	fmt.Println(err)
	// Output: fault: ordering flood: parameter "rat": there is no such parameter. Did you mean "rate"? Known: where, rate, delay, share, buckets
}
