package openconfigs

import (
	"runtime"
	"testing"
)

func TestListAndForget(t *testing.T) {
	first, again, other := &Config{Name: "limits"}, &Config{Name: "limits"}, &Config{Name: "routes"}
	Add(first)
	Add(other)
	Add(again)
	if got := List(); len(got) != 2 || got[0] != other || got[1] != again {
		t.Errorf("listed are %v, want the one file and the newer of the other name", got)
	}
	runtime.KeepAlive(first)
	runtime.KeepAlive(other)
	runtime.KeepAlive(again)
	other, again = nil, nil
	runtime.GC()
	if got := List(); len(got) != 0 {
		t.Errorf("files that nobody follows are still listed: %v", got)
	}
}
