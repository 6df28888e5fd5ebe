package schedule_test

import (
	"testing"

	"github.com/falsifiable/stability/lab/schedule"
)

// TestManyGoroutines: with a hundred thousand goroutines points cost less each, the runs come to their end, and the report
// has all of them.
func TestManyGoroutines(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds of CPU time")
	}
	dir := module(t, map[string]string{"many_test.go": `package many

import (
	"sync"
	"testing"
)

func TestMany(t *testing.T) {
	var mu sync.Mutex
	n, start, c := 0, make(chan bool), make(chan int)
	for range 100_000 {
		go func() {
			<-start
			mu.Lock()
			n++
			mu.Unlock()
			c <- 1
		}()
	}
	close(start)
	for range 100_000 {
		<-c
	}
}

func TestLeaked(t *testing.T) {
	c := make(chan int)
	for range 100_000 {
		go func() { c <- 1 }()
	}
}
`})
	r, err := schedule.Run(t.Context(), schedule.Config{Dir: dir, Runs: 2, Replays: -1})
	if err != nil {
		t.Fatal(err)
	}
	if u := r.Units[0]; u.Judged != 2 || u.NotJudged != "" {
		t.Errorf("%d runs judged; %s", u.Judged, u.NotJudged)
	}
	if len(r.Findings) != 1 || len(r.Findings[0].Sides) != 1 || r.Findings[0].Sides[0].Count != 100_000 {
		t.Errorf("findings %+v, want one, of 100,000 goroutines in one place", r.Findings)
	}
}
