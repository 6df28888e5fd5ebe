package cause

import (
	"slices"
	"testing"
)

func TestRank(t *testing.T) {
	leak := Cause{ID: "leak", Brings: []string{"storm", "slow"}}
	storm := Cause{ID: "storm", Brings: []string{"convoy", "slow"}}
	convoy := Cause{ID: "convoy", Brings: []string{"slow"}}
	slow := Cause{ID: "slow", Brings: []string{"storm"}}
	other := Cause{ID: "other"}
	for name, test := range map[string]struct{ found, want []Cause }{
		"none":                          {nil, nil},
		"a consequence comes after":     {[]Cause{convoy, storm}, []Cause{storm, convoy}},
		"the first of a chain":          {[]Cause{convoy, storm, leak}, []Cause{leak, storm, convoy}},
		"who explains more":             {[]Cause{other, convoy, storm}, []Cause{storm, other, convoy}},
		"two that bring each other":     {[]Cause{slow, storm}, []Cause{slow, storm}},
		"two that have nothing to do":   {[]Cause{other, leak}, []Cause{other, leak}},
		"one that it would bring alone": {[]Cause{convoy}, []Cause{convoy}},
	} {
		before := slices.Clone(test.found)
		got := Rank(test.found)
		same := func(a, b Cause) bool { return a.ID == b.ID }
		if !slices.EqualFunc(got, test.want, same) || !slices.EqualFunc(before, test.found, same) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
