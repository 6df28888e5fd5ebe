package falsify

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/lab/falsify/report"
)

// history makes a falsification with the outcomes of one check "c/x" under one fault.
func history(controls, shams, faults string) *falsification {
	f := &falsification{cfg: Config{Seed: 1}, tier: tiers()[Quick], report: &Report{Plan: tiers()[Quick].plan()}}
	f.trials = []*trial{{id: "leak", parts: []part{{fault: fault.Fault{Name: "leak"}}}, deadlines: map[string]time.Duration{"c/x": time.Minute}}}
	f.report.Checks = []*report.Check{{Contract: "c", Name: "x"}}
	f.report.Faults = []*report.Fault{{ID: "leak"}}
	words := map[byte]report.Outcome{
		'.': report.Silent, '!': report.FalseAlarm, '?': report.Unknown, 'K': report.Detected, 'M': report.Missed, 'L': report.Late,
		'N': report.NotInjected, 'T': report.TimedOut, 'C': report.CrashedFirst, 'F': report.Firing,
	}
	add := func(kind report.Kind, faultID, text string) {
		for i := range len(text) {
			run := f.newRun(kind, faultID, i)
			run.Outcomes["c/x"] = words[text[i]]
			if text[i] == 'K' {
				run.Detected["c/x"] = float64(i)
			}
			f.report.Runs = append(f.report.Runs, run)
		}
	}
	add(report.ControlRun, "", controls)
	add(report.ShamRun, "", shams)
	add(report.FaultRun, "leak", faults)
	return f
}

func TestVerdict(t *testing.T) {
	clean := strings.Repeat(".", 59)
	for _, tt := range []struct {
		name, controls, shams, faults string
		want                          stability.Verdict
		reason                        string
	}{
		{"clean", clean, "......", "KKKKKK", stability.Proven, "detected 6 of 6"},
		{"one miss, made up for", clean, "......", "KKMKKKKKK", stability.Proven, "detected 8 of 9"},
		{"one false alarm", clean[1:] + "!", "......", "KKKKKK", stability.Refuted, "fired in 1 of 59 control runs"},
		{"a false alarm in a sham", clean, ".....!", "KKKKKK", stability.Refuted, "1 of 6 sham runs"},
		{"misses", clean, "......", "MM", stability.Refuted, "2 MISSED"},
		{"too late is missed", clean, "......", "LL", stability.Refuted, "2 LATE"},
		{"the crash came first", clean, "......", "CC", stability.Refuted, "2 CRASHED-FIRST"},
		{"fires already", clean, "......", "FF", stability.Refuted, "2 ALREADY-FIRING"},
		{"could not be judged under its fault", clean, "......", "??", stability.Refuted, "2 UNKNOWN"},
		{"never could be judged", strings.Repeat("?", 59), "??????", "??", stability.Inconclusive, "could not be judged in any of 65"},
		{"the fault did nothing", clean, "......", "NNNNNNNNNNNN", stability.Inconclusive, "12 of 12 fault runs"},
		{"the fault often did nothing", clean, "......", "KKKKKKN", stability.Inconclusive, "1 of 7 fault runs"},
		{"time-outs are no detections", clean, "......", "KKKKKKT", stability.Inconclusive, "1 TIMED-OUT"},
		{"so and so", clean, "......", "KKKMMKKMKKKM", stability.Inconclusive, "neither rare nor reliable"},
		{"too few controls", clean[9:], "......", "KKKKKK", stability.Inconclusive, "in 50 of 59 control runs"},
		{"no fault run", clean, "......", "", stability.Untested, "no fault run"},
	} {
		f := history(tt.controls, tt.shams, tt.faults)
		f.judge()
		if c := f.report.Checks[0]; c.Verdict != tt.want || !strings.Contains(c.Reason, tt.reason) {
			t.Errorf("%s: %s because %q, want %s because %q", tt.name, c.Verdict, c.Reason, tt.want, tt.reason)
		}
	}
}

// A check that fires by itself, later than controls are watched, is not proven by a fault that happens to be there by then.
func TestVerdictAsksForShamsAsLongAsDetection(t *testing.T) {
	for _, tt := range []struct {
		watched float64 // by each sham, in seconds
		shams   string
		want    stability.Verdict
	}{
		{8, "......", stability.Proven},
		{8, "...???", stability.Proven},
		{8, "..????", stability.Inconclusive},
		{7, "......", stability.Inconclusive},
		{8, ".....!", stability.Refuted},
	} {
		f := history(strings.Repeat(".", 59), tt.shams, "KKKKKK")
		f.cfg.Scale = 1
		for _, run := range f.report.Runs {
			run.Watched = tt.watched
			run.Warm, run.Injected = 1, 4 // and detection takes 5 s at most from there
		}
		f.judge()
		if c := f.report.Checks[0]; c.Verdict != tt.want {
			t.Errorf("shams %s watched for %g s: %s because %q, want %s", tt.shams, tt.watched, c.Verdict, c.Reason, tt.want)
		}
		if got, want := len(f.longerShams()), 4; (tt.watched < 8) != (got == want) || tt.watched >= 8 && got != 0 {
			t.Errorf("shams watched for %g s: %d more", tt.watched, got)
		}
	}
}

func TestStatistics(t *testing.T) {
	f := history(strings.Repeat(".", 59), "......", "KKKKKK")
	f.judge()
	c := f.report.Checks[0]
	if c.Controls.Upper >= 0.05 || c.Controls.Upper < 0.049 {
		t.Errorf("0 of 59: upper bound %.4f", c.Controls.Upper)
	}
	hours := 65 * 2.0 / 60 // 65 runs of two minutes of the contract's time
	if got := c.FalseAlarmsPerHour * hours; got < 2.99 || got > 3.0 {
		t.Errorf("no false alarm: %.3f expected at most, want 3.0", got)
	}
	if cell := c.Target(); *cell.Median != 2 || *cell.P95 != 5 {
		t.Errorf("median %v, p95 %v", *cell.Median, *cell.P95)
	}
	f = history("", "", "KM")
	f.judge()
	if cell := f.report.Checks[0].Target(); cell.P95 != nil {
		t.Errorf("p95 with a miss is %v: the miss was dropped", *cell.P95)
	}
}

// A run that can change nothing is left out; one that can is not.
func TestPointless(t *testing.T) {
	for _, tt := range []struct {
		controls, faults string
		control, attack  bool
	}{
		{"", "", false, false},
		{"...", "KKK", false, false},
		{"..!", "MM", true, true},
		{"", "KKKKKK", false, true},
		{"", "NN", false, false},
	} {
		f := history(tt.controls, "", tt.faults)
		if got := f.pointless(job{kind: report.ControlRun}); got != tt.control {
			t.Errorf("%q: another control run is pointless: %v", tt.controls, got)
		}
		if got := f.pointless(job{report.FaultRun, f.trials[0], 9}); got != tt.attack {
			t.Errorf("%q: another fault run is pointless: %v", tt.faults, got)
		}
	}
}

func TestScheduleIsDrawnFromTheSeed(t *testing.T) {
	order := func(seed uint64) (text string) {
		f := history("", "", "")
		f.cfg.Seed = seed
		f.trials = append(f.trials, &trial{id: "storm", alone: true})
		for _, block := range f.jobs() {
			for _, j := range block {
				if j.alone() != block[0].alone() {
					t.Error("a block mixes runs that need the machine with others")
				}
				text += fmt.Sprintf("%s%d ", j.kind, j.index)
			}
		}
		return text
	}
	if order(1) != order(1) || order(1) == order(2) {
		t.Error("the order is not a function of the seed")
	}
	for kind, want := range map[report.Kind]int{report.ControlRun: 59, report.ShamRun: 6, report.FaultRun: 12} {
		if got := strings.Count(order(1), string(kind)); got != want {
			t.Errorf("%d %s runs, want %d", got, kind, want)
		}
	}
}

// Outcomes of an injection, from what the watch saw.
// A check that fires before the fault, or did and is quiet again, proves nothing by firing after it.
func TestAlreadyFiring(t *testing.T) {
	for _, tt := range []struct {
		name  string
		state stability.State
		fired []time.Time
		want  report.Outcome
	}{
		{"never fired", stability.Holding, nil, ""},
		{"fires", stability.Violated, []time.Time{time.Now()}, report.Firing},
		{"fired and recovered", stability.Holding, []time.Time{time.Now()}, report.Firing},
	} {
		w := newWatch(nil)
		w.checks = []subjectCheck{{stability.CheckStatus{Name: "x", State: tt.state}, "c", 0}}
		w.fired["c/x"] = tt.fired
		a := &attempt{
			subject: &subject{watch: w}, run: history("", "", "").newRun(report.FaultRun, "leak", 0),
			trial: &trial{deadlines: map[string]time.Duration{"c/x": time.Minute}},
		}
		if all := a.alreadyFiring(); all != (tt.want != "") || a.run.Outcomes["c/x"] != tt.want {
			t.Errorf("%s: outcome %q, want %q", tt.name, a.run.Outcomes["c/x"], tt.want)
		}
	}
}

func TestConclude(t *testing.T) {
	began := time.Now()
	for _, tt := range []struct {
		name    string
		fired   time.Duration // after the effect; 0 for not at all
		state   stability.State
		crashed error
		want    report.Outcome
	}{
		{"in time", 20 * time.Second, stability.Violated, nil, report.Detected},
		{"in time, then the crash", 20 * time.Second, stability.Violated, fmt.Errorf("dead"), report.Detected},
		{"late", 80 * time.Second, stability.Violated, nil, report.Late},
		{"not at all", 0, stability.Holding, nil, report.Missed},
		{"not judgeable", 0, stability.Unknown, nil, report.Unknown},
		{"crashed", 0, stability.Holding, fmt.Errorf("dead"), report.CrashedFirst},
	} {
		w := newWatch(nil)
		w.checks = []subjectCheck{
			{stability.CheckStatus{Name: "x", State: tt.state}, "c", 0},
			{stability.CheckStatus{Name: "other"}, "c", 0},
			{stability.CheckStatus{Name: "allowed"}, "c", 0},
		}
		if tt.fired > 0 {
			w.fired["c/x"] = []time.Time{began.Add(-time.Minute), began.Add(tt.fired)} // the first was before the fault
			w.fired["c/other"], w.fired["c/allowed"] = w.fired["c/x"], w.fired["c/x"]
		}
		a := &attempt{
			subject: &subject{stage: &stage{scale: 1}, watch: w}, began: began, effect: began, crashed: tt.crashed,
			run:   history("", "", "").newRun(report.FaultRun, "leak", 0),
			trial: &trial{deadlines: map[string]time.Duration{"c/x": time.Minute}, collateral: map[string]bool{"allowed": true}},
		}
		a.conclude()
		if got := a.run.Outcomes["c/x"]; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if collateral := a.run.Outcomes["c/other"] == report.Collateral; collateral != (tt.fired > 0) || a.run.Outcomes["c/allowed"] != report.Silent {
			t.Errorf("%s: outcomes of the others: %v", tt.name, a.run.Outcomes)
		}
	}
}

func TestNoteLoad(t *testing.T) {
	for want, met := range map[string]report.Load{
		"answered 10 of 100": {Sent: 100, Answered: 10},
		"refused 95 of 100":  {Sent: 100, Answered: 100, Statuses: map[string]int{"404": 95, "200": 5}},
		"":                   {Sent: 100, Answered: 99, Statuses: map[string]int{"404": 20}},
	} {
		f := history(".", "", "K")
		f.report.Runs[0].Load = met
		f.noteLoad()
		if got := strings.Join(f.report.Notes, " "); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%+v: notes %q, want %q", met, got, want)
		}
	}
}

func TestKeepLines(t *testing.T) {
	f := history("....!", "", "KKMMMMM")
	for _, run := range f.report.Runs {
		run.Lines = []*report.Line{{}}
	}
	f.keepLines()
	kept := func(o report.Outcome) (n int) {
		for _, run := range f.report.Runs {
			if run.Outcomes["c/x"] == o && run.Lines != nil {
				n++
			}
		}
		return n
	}
	got := []int{kept(report.Silent), kept(report.FalseAlarm), kept(report.Detected), kept(report.Missed)}
	if !slices.Equal(got, []int{1, 1, 1, 3}) {
		t.Errorf("pictures of silent, false alarm, killed, missed: %v, want [1 1 1 3]", got)
	}
}

// On a machine that was busy with other things nothing is refuted, and what its runs lost makes no proof.
func TestNoiseNeverFlipsAVerdict(t *testing.T) {
	clean := strings.Repeat(".", 59)
	for _, tt := range []struct {
		name, controls, faults string
		noisy                  int
		want                   stability.Verdict
		reason                 string
	}{
		{"a quiet machine", clean, "MMMMMM", 0, stability.Refuted, "0 of"},
		{"noise now and then", clean, "MMMMMM", 3, stability.Refuted, "0 of"},
		{"a busy machine", clean, "MMMMMM", 6, stability.Inconclusive, "in 6 of"},
		{"a false alarm on a busy machine", "!" + clean[1:], "KKKKKK", 6, stability.Inconclusive, "in 6 of"},
		{"a busy machine that lost controls", clean, "KKKKKK", 6, stability.Inconclusive, "in 6 runs without a fault"},
	} {
		f := history(tt.controls, "......", tt.faults)
		f.stage = &stage{scale: 1}
		for _, run := range f.report.Runs[59-tt.noisy : 59] {
			run.Noise.P99 = 2 * mostNoise.Seconds()
			run.Outcomes = map[string]report.Outcome{f.report.Checks[0].ID(): report.Noisy}
		}
		f.judge()
		f.noteNoise()
		if c := f.report.Checks[0]; c.Verdict != tt.want || !strings.Contains(c.Reason, tt.reason) {
			t.Errorf("%s: %s because %q, want %s because %q", tt.name, c.Verdict, c.Reason, tt.want, tt.reason)
		}
		if f.report.Noise.Runs != tt.noisy {
			t.Errorf("%s: the report says %+v", tt.name, f.report.Noise)
		}
	}
}
