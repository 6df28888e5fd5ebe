package noise

import (
	"testing"
	"testing/synctest"
	"time"
)

// On a machine whose clock is true nothing is late; a delay shows, and what is rare is told from what is usual.
func TestNoise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := Start()
		defer m.Stop()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if quiet := m.Read(); quiet.Max > 0.001 {
			t.Errorf("in a bubble %+v was late", quiet)
		}
		m.add(time.Second)
		if once := m.Read(); once.P99 > 0.001 || once.Max < 0.9 {
			t.Errorf("one delay of a second in two thousand: %+v", once)
		}
		for range 100 {
			m.add(200 * time.Millisecond)
		}
		if often := m.Read(); often.P99 < 0.19 {
			t.Errorf("a hundred delays: %+v", often)
		}
	})
}
