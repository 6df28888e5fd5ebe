package falsify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// only keeps the trials that match CHECK/FAULT, CHECK or /FAULT.
func only(trials []*trial, pattern string) ([]*trial, error) {
	check, faultID := pattern, ""
	if i := strings.LastIndexByte(pattern, '/'); i >= 0 {
		check, faultID = pattern[:i], pattern[i+1:]
	}
	match := func(check, faultID string) (kept []*trial) {
		for _, t := range trials {
			one := *t
			one.deadlines = maps.Clone(t.deadlines)
			maps.DeleteFunc(one.deadlines, func(id string, _ time.Duration) bool {
				return check != "" && id != check && !strings.HasSuffix(id, "/"+check)
			})
			if (faultID == "" || faultID == t.id) && len(one.deadlines) > 0 {
				kept = append(kept, &one)
			}
		}
		return kept
	}
	kept := match(check, faultID)
	if len(kept) == 0 {
		kept = match(pattern, "") // contract/check
	}
	if len(kept) == 0 {
		var cells []string
		for _, t := range trials {
			for id := range t.deadlines {
				cells = append(cells, id+"/"+t.id)
			}
		}
		slices.Sort(cells)
		return nil, fmt.Errorf("%w: nothing matches %q; there are: %s", ErrUsage, pattern, strings.Join(cells, ", "))
	}
	return kept, nil
}
