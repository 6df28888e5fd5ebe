package buildinfo

import (
	"reflect"
	"runtime/debug"
	"testing"

	"github.com/falsifiable/stability/signals"
)

const goMod = `module example.com/app // the app

go 1.26

require example.com/one v1.2.0

require (
	"example.com/two" v2.0.0+incompatible // indirect
	example.com/fork v0.1.0
	example.com/near v0.2.0
)

replace example.com/fork v0.1.0 => example.com/other v0.3.0 // until fork#1 is merged

replace (
	example.com/near => ./near
)
`

func built(modules ...*debug.Module) *debug.BuildInfo { return &debug.BuildInfo{Deps: modules} }

func TestDrift(t *testing.T) {
	fork := &debug.Module{Path: "example.com/fork", Version: "v0.1.0", Replace: &debug.Module{Path: "example.com/other", Version: "v0.3.0"}}
	near := &debug.Module{Path: "example.com/near", Version: "v0.2.0", Replace: &debug.Module{Path: "./near", Version: "(devel)"}}
	one := &debug.Module{Path: "example.com/one", Version: "v1.2.0"}
	two := &debug.Module{Path: "example.com/two", Version: "v2.0.0+incompatible"}
	for _, test := range []struct {
		name string
		info *debug.BuildInfo
		want []Drift
	}{
		{"as declared", built(one, two, fork, near), nil},
		{"silently newer", built(&debug.Module{Path: "example.com/one", Version: "v1.2.1"}, two), []Drift{{"example.com/one", "v1.2.0", "v1.2.1"}}},
		{"a fork that go.mod does not name", built(&debug.Module{Path: "example.com/one", Version: "v1.2.0", Replace: &debug.Module{Path: "../one"}}), []Drift{{"example.com/one", "v1.2.0", "../one"}}},
		{"without the fork that it names", built(&debug.Module{Path: "example.com/fork", Version: "v0.1.0"}), []Drift{{"example.com/fork", "example.com/other v0.3.0", "v0.1.0"}}},
		{"from the workspace", built(&debug.Module{Path: "example.com/one", Version: "(devel)"}), []Drift{{"example.com/one", "v1.2.0", "(devel)"}}},
		{"undeclared", built(&debug.Module{Path: "example.com/new", Version: "v1.0.0"}), []Drift{{"example.com/new", "", "v1.0.0"}}},
	} {
		if got := compare(Config{GoMod: goMod}, test.info, "go1.26.3").Drifts(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestReadings(t *testing.T) {
	s := compare(Config{GoMod: goMod}, built(&debug.Module{Path: "example.com/one", Version: "v1.2.3"}, &debug.Module{Path: "example.com/two", Version: "v2.0.0+incompatible"}), "go1.26.3")
	want := []reading{
		{signals.Build.Go, signals.Labels{}, 1026003},
		{signals.Build.Version, signals.NewLabels("module", "example.com/one"), 1002003},
		{signals.Build.Drift, signals.NewLabels("module", "example.com/one"), 1},
		{signals.Build.Drifted, signals.Labels{}, 1},
	}
	if !reflect.DeepEqual(s.readings, want) {
		t.Errorf("got  %+v\nwant %+v", s.readings, want)
	}
	if s := compare(Config{}, built(&debug.Module{Path: "example.com/one", Version: "v1.2.3"}), "go1.26rc1"); len(s.readings) != 1 || s.readings[0].value != 1026000 {
		t.Errorf("without a go.mod: %+v", s.readings)
	}
	if s := compare(Config{}, built(&debug.Module{Path: "m", Version: "v0.0.0-20240101000000-abcdefabcdef"}), "devel go1.27-abc"); len(s.readings) != 0 {
		t.Errorf("a development version of Go: %+v", s.readings)
	}
}

func TestSampleAllocatesNothing(t *testing.T) {
	s := compare(Config{GoMod: goMod}, built(&debug.Module{Path: "example.com/one", Version: "v1.2.3"}), "go1.26.3")
	var batch signals.Batch
	s.Sample(&batch)
	if n := testing.AllocsPerRun(100, func() { batch.Reset(); s.Sample(&batch) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkSample(b *testing.B) {
	s := compare(Config{GoMod: goMod}, built(&debug.Module{Path: "example.com/one", Version: "v1.2.3"}), "go1.26.3")
	var batch signals.Batch
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		s.Sample(&batch)
	}
}
