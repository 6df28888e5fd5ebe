package capped

import (
	"strconv"
	"sync"
	"testing"
)

func TestSet(t *testing.T) {
	other, made := "other", 0
	s := New(2, &other, func(key string) *string { made++; return &key })
	for _, test := range []struct{ key, want string }{{"a", "a"}, {"b", "b"}, {"a", "a"}, {"c", "other"}, {"b", "b"}} {
		if got := *s.Get(test.key); got != test.want {
			t.Errorf("Get(%q) = %s, want %s", test.key, got, test.want)
		}
	}
	if list := s.List(); made != 2 || len(list) != 2 || *list[0] != "a" || *list[1] != "b" || s.Other() != &other || !s.Full() {
		t.Errorf("made %d, listed %d, full %t", made, len(s.List()), s.Full())
	}
	if n := testing.AllocsPerRun(100, func() { s.Get("a"); s.Get("new") }); n != 0 {
		t.Errorf("Get allocates %v times", n)
	}
}

func TestSetTakesOneInstancePerKeyFromAllSides(t *testing.T) {
	s := New(64, new(int), func(string) *int { return new(int) })
	var found [8][100]*int
	var group sync.WaitGroup
	for g := range found {
		group.Go(func() {
			for i := range found[g] {
				found[g][i] = s.Get(strconv.Itoa(i % 64))
			}
		})
	}
	group.Wait()
	for g := range found {
		if found[g] != found[0] {
			t.Fatal("two callers have different instances of one key")
		}
	}
	if len(s.List()) != 64 {
		t.Errorf("%d instances, want 64", len(s.List()))
	}
}
