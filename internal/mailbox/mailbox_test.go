package mailbox

import (
	"context"
	"testing"
	"testing/synctest"
)

func TestTheOldestIsDropped(t *testing.T) {
	b := New[int](20)
	for i := range 33 {
		b.Put(i)
	}
	for want := 13; want < 33; want++ {
		if got, ok := b.TryTake(); !ok || got != want {
			t.Fatalf("got %d, %t, want %d", got, ok, want)
		}
	}
	if _, ok := b.TryTake(); ok || b.Dropped() != 13 {
		t.Errorf("letters left: %t, dropped: %d, want none and 13", ok, b.Dropped())
	}
}

func TestTakeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New[string](2)
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		go func() {
			for {
				letter, ok := b.Take(ctx)
				if !ok {
					return
				}
				got = append(got, letter)
			}
		}()
		synctest.Wait()
		b.Put("a")
		synctest.Wait()
		b.Put("b")
		b.Put("c")
		synctest.Wait()
		cancel()
		synctest.Wait()
		if len(got) != 3 || got[2] != "c" {
			t.Errorf("took %q", got)
		}
	})
}
