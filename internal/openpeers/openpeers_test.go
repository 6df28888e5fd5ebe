package openpeers

import (
	"runtime"
	"testing"
)

func TestListAndForget(t *testing.T) {
	first, again, other := &Peer{Name: "risk"}, &Peer{Name: "risk"}, &Peer{Name: "ledger"}
	Add(first)
	Add(other)
	Add(again)
	if got := List(); len(got) != 2 || got[0] != other || got[1] != again {
		t.Errorf("List = %v, want ledger and the second risk", got)
	}
	runtime.KeepAlive(first)
	runtime.KeepAlive(other)
	runtime.KeepAlive(again)
	other, again = nil, nil
	runtime.GC()
	runtime.GC()
	if got := List(); len(got) != 0 {
		t.Errorf("List = %v, want that peers nobody uses are forgotten", got)
	}
}
