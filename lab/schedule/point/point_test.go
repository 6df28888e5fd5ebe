package point

import (
	"strings"
	"testing"
	"time"
)

func TestSettingsText(t *testing.T) {
	want := Settings{Yield: 512, StayNested: Always, Window: 128, NapMax: 100 * time.Microsecond, Rounds: 2, Order: NewestFirst,
		Priorities: OldestFirst, Select: SelectFixed, Plan: []Planned{{ID: 1 << 63, N: 7, Action: StayLate}}}
	want.StayBefore[Send], want.StayBefore[WLock] = Always, 3
	var got Settings
	for part := range strings.SplitSeq(want.String(), ",") {
		key, value, _ := strings.Cut(part, "=")
		if err := got.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	if got.String() != want.String() || got.StayBefore != want.StayBefore || got.Priorities != want.Priorities || got.Plan[0] != want.Plan[0] {
		t.Errorf("%s became %s", want, got)
	}
	for _, bad := range [][2]string{{"k1", "3"}, {"yield", "70000"}, {"yield", "x"}, {"rounds", "-1"}, {"at", "1:2"}, {"at", "1:2:9"}} {
		if err := new(Settings).Set(bad[0], bad[1]); err == nil {
			t.Errorf("%s=%s was taken", bad[0], bad[1])
		}
	}
	if text := (Settings{}).String(); text != "" {
		t.Errorf("settings that do nothing are %q", text)
	}
}

func TestOnlyPlanned(t *testing.T) {
	s := Settings{Yield: 1, Stay: 1, Nap: 1, Demote: 1, StayNested: 1, StayFirst: 1, Order: ChildFirst, QueueNew: true}
	s.StayBefore[Send] = 1
	if got := s.OnlyPlanned([]Planned{{1, 2, StayLast}}).String(); got != "order=1,queuenew=1,at=1:2:5" {
		t.Errorf("only planned is %q", got)
	}
}

// TestKeys: the code inside the program reads the keys by their names; one must not be the beginning of a plan's.
func TestKeys(t *testing.T) {
	seen := map[string]bool{"at": true, "seed": true, "mode": true, "procs": true}
	for _, s := range settings {
		if seen[s.key] {
			t.Errorf("%q is there twice", s.key)
		}
		seen[s.key] = true
	}
}

func TestConstants(t *testing.T) {
	text := Constants("perturb")
	for _, want := range []string{"\tperturbGo = 0\n", "\tperturbWLock = 14\n", "\tperturbDoStayLate = 6\n", "\tperturbEndAtRest = \"deadline\"\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
