package stability

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/signals"
)

// TestScenarios runs the scripts in testdata/scenario through the pure engine: samples in, transitions out. A script
// is a txtar archive of three files: contract, samples, transitions; what stands before them says what it is about.
//
//	-- contract --
//	warmup 10s
//	interval 10s
//	check NAME [for=20s] [keep=30s]: EXPRESSION
//	-- samples --
//	0s 60s go.goroutine.count = 100          every second from 0s to 60s, both included
//	60s 90s go.goroutine.count = 100 -> 400  a ramp
//	-- transitions --
//	70s NAME{labels} holding -> violated (strike 1)
func TestScenarios(t *testing.T) {
	scripts, err := filepath.Glob("testdata/scenario/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scenario scripts: %v", err)
	}
	for _, name := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := txtar(string(text))
			got := runScenario(t, files["contract"], files["samples"])
			if want := strings.TrimSpace(files["transitions"]); got != want {
				t.Errorf("transitions are\n%s\n\nwant\n%s", got, want)
			}
		})
	}
}

func txtar(text string) map[string]string {
	files := make(map[string]string)
	name := ""
	for line := range strings.Lines(text) {
		if after, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(strings.TrimSpace(after), " --")
			continue
		}
		files[name] += line
	}
	return files
}

func runScenario(t *testing.T, contractText, sampleText string) string {
	t.Helper()
	c := &Contract{Name: "scenario"}
	warmup := time.Duration(-1)
	for line := range strings.Lines(contractText) {
		line = strings.TrimSpace(line)
		switch word, rest, _ := strings.Cut(line, " "); word {
		case "":
		case "warmup":
			warmup = duration(t, rest)
		case "interval":
			c.Interval = duration(t, rest)
		case "check":
			c.Checks = append(c.Checks, scenarioCheck(t, rest))
		default:
			t.Fatalf("contract: %q is no warmup, interval or check", line)
		}
	}
	schema := signals.NewSchema(signals.Standard()...)
	sim, err := Simulate(SimulationConfig{Schema: schema, Warmup: warmup}, c)
	if err != nil {
		t.Fatal(err)
	}
	steps := scenarioSamples(t, schema, sampleText)
	var out []string
	for at := time.Duration(0); at <= steps.end; at += time.Second {
		for _, e := range sim.engine.step(at, steps.at[at]) {
			line := fmt.Sprintf("%v %s%s %s -> %s", at, e.check.Name, e.instance.labels, e.from, e.to)
			if e.to == Violated {
				line += fmt.Sprintf(" (strike %d)", e.strike)
			}
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

func scenarioCheck(t *testing.T, text string) Check {
	head, expression, ok := strings.Cut(text, ": ")
	if !ok {
		t.Fatalf("check %q has no expression", text)
	}
	words := strings.Fields(head)
	k := Check{Name: words[0], Expr: expression}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "for":
			k.For = duration(t, value)
		case "keep":
			k.KeepFiringFor = duration(t, value)
		default:
			t.Fatalf("check %q: unknown option %q", text, w)
		}
	}
	return k
}

type scenario struct {
	at  map[time.Duration][]signals.Sample
	end time.Duration
}

func scenarioSamples(t *testing.T, schema *signals.Schema, text string) scenario {
	s := scenario{at: make(map[time.Duration][]signals.Sample)}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 5 && len(words) != 7 {
			t.Fatalf("samples: %q is not of the form FROM TO SIGNAL = VALUE [-> VALUE]", line)
		}
		from, to := duration(t, words[0]), duration(t, words[1])
		name, labelText, labeled := strings.Cut(words[2], "{")
		var labels signals.Labels
		if labeled {
			if err := labels.UnmarshalText([]byte("{" + labelText)); err != nil {
				t.Fatal(err)
			}
		}
		id, _, ok := schema.Lookup(name)
		if !ok {
			t.Fatalf("samples: no signal %s", name)
		}
		first, last := number64(t, words[4]), number64(t, words[len(words)-1])
		for at := from; at <= to; at += time.Second {
			share := 0.0
			if to > from {
				share = float64(at-from) / float64(to-from)
			}
			s.at[at] = append(s.at[at], signals.Sample{ID: id, Labels: labels, At: at, Value: first + share*(last-first)})
		}
		s.end = max(s.end, to)
	}
	if len(s.at) == 0 {
		t.Fatal("samples: there are none")
	}
	return s
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func number64(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A replay has room for all instances that the monitor had.
func TestReplayOfManyInstances(t *testing.T) {
	m := NewMonitor(Config{Warmup: -1, MaxInstances: 300})
	if err := m.Register(&Contract{Name: "c", Interval: time.Second, Checks: []Check{
		{Name: "stuck", Expr: "http.server.route.active_requests > 10"},
	}}); err != nil {
		t.Fatal(err)
	}
	id, _, _ := m.schema.Lookup("http.server.route.active_requests")
	last := signals.NewLabels("route", "/199")
	var recording *Recording
	for second := range 10 {
		now := time.Duration(second) * time.Second
		var samples []signals.Sample
		for i := range 200 {
			s := signals.Sample{ID: id, Labels: signals.NewLabels("route", fmt.Sprint("/", i)), At: now, Value: 1}
			if second == 9 && s.Labels == last {
				s.Value = 11
			}
			samples = append(samples, s)
		}
		for _, e := range m.engine.step(now, samples) {
			if e.to == Violated {
				recording = m.recordIncident(incident{check: e.check, transition: e.transition(now, time.Time{})}, 64<<20)
			}
		}
	}
	if recording == nil {
		t.Fatal("nothing was violated")
	}
	transitions, err := recording.Replay()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(transitions, func(got Transition) bool { return got.To == Violated && got.Labels == last }) {
		t.Error("the replay does not show the violation of the last of 200 instances")
	}
}

// TestReplayShowsTheSameTransition records a violation as the monitor does and judges it again from the recording.
func TestReplayShowsTheSameTransition(t *testing.T) {
	for _, scale := range []float64{1, 0.05} {
		t.Run(fmt.Sprint("scale ", scale), func(t *testing.T) {
			m := NewMonitor(Config{Warmup: 20 * time.Second})
			m.scale = scale
			m.configure(m.cfg)
			if err := m.Register(&Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{{
				Name: "growth", For: 20 * time.Second,
				Expr: "avg_over_time(go.goroutine.count[30s]) > 2 * baseline(go.goroutine.count)",
			}}}); err != nil {
				t.Fatal(err)
			}
			id, _, _ := m.schema.Lookup("go.goroutine.count")
			var recording *Recording
			tick := m.engine.store.Resolution()
			for i := range 200 {
				now := time.Duration(i) * tick
				value := 100.0
				if i > 100 {
					value = 1000
				}
				for _, e := range m.engine.step(now, []signals.Sample{{ID: id, At: now, Value: value}}) {
					if e.to == Violated && e.from != Violated {
						recording = m.recordIncident(incident{check: e.check, transition: e.transition(now, time.Time{})}, 64<<20)
					}
				}
			}
			if recording == nil {
				t.Fatal("nothing was violated")
			}
			transitions, err := recording.Replay()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(transitions, func(got Transition) bool {
				want := recording.Transition
				return got.To == Violated && got.Age == want.Age && got.Value == want.Value && got.Threshold == want.Threshold
			}) {
				t.Errorf("replay gave %v, want %v among them", transitions, recording.Transition)
			}
		})
	}
}
