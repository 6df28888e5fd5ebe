package running

import "testing"

type fake string

func (f fake) SnapshotJSON(uint64) ([]byte, error) { return []byte(f), nil }
func (f fake) SchemaJSON() ([]byte, error)         { return []byte(f), nil }

func TestAddAndRemove(t *testing.T) {
	removeA := Add(fake("a"))
	removeB := Add(fake("a")) // equal monitors are still two
	if n := len(List()); n != 2 {
		t.Fatalf("List has %d monitors, want 2", n)
	}
	removeA()
	removeA()
	if n := len(List()); n != 1 {
		t.Errorf("after removing one twice List has %d monitors, want 1", n)
	}
	removeB()
	if n := len(List()); n != 0 {
		t.Errorf("List has %d monitors, want none", n)
	}
}
