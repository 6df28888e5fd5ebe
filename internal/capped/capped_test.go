package capped

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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

// used is an instance that counts its uses.
type used struct {
	key             string
	uses            uint64
	busy, forgotten bool
}

func evicting(limit int, evicted *[]string) *Set[used] {
	s := New(limit, &used{key: "other"}, func(key string) *used { return &used{key: key} })
	s.Evict(Eviction[used]{
		Idle:    func(u *used) (bool, bool) { return !u.busy, u.forgotten },
		Uses:    func(u *used) uint64 { return u.uses },
		Evicted: func(u *used) { *evicted = append(*evicted, u.key) },
	})
	return s
}

func TestEviction(t *testing.T) {
	for _, test := range []struct {
		name    string
		a, b    used // that have the places
		asks    int  // for c
		evicted string
	}{
		{"asked for once", used{}, used{uses: 1}, 1, ""},
		{"asked for often", used{uses: 9}, used{uses: 1}, 8, "b"},
		{"used more", used{uses: 90}, used{uses: 50}, 96, ""},
		{"used half as much", used{uses: 90}, used{uses: 40}, 96, "b"},
		{"busy", used{uses: 90}, used{uses: 1, busy: true}, 96, ""},
		{"forgotten", used{uses: 90, forgotten: true}, used{uses: 1}, 1, "a"},
		{"forgotten and busy", used{uses: 90, forgotten: true, busy: true}, used{uses: 1}, 1, ""},
	} {
		var evicted []string
		s := evicting(2, &evicted)
		for key, u := range map[string]used{"a": test.a, "b": test.b} {
			u.key = key
			*s.Get(key) = u
		}
		got := ""
		for range test.asks {
			got = s.Get("c").key
		}
		want := "other"
		if test.evicted != "" {
			want = "c"
		}
		if got != want || strings.Join(evicted, ",") != test.evicted || len(s.List()) != 2 {
			t.Errorf("%s: c is %s, evicted %v; want %s, %s", test.name, got, evicted, want, test.evicted)
		}
	}
}

func TestEvictionFromAllSides(t *testing.T) {
	s := New(8, new(atomic.Uint64), func(string) *atomic.Uint64 { return new(atomic.Uint64) })
	var gone atomic.Uint64
	s.Evict(Eviction[atomic.Uint64]{
		Idle:    func(*atomic.Uint64) (bool, bool) { return true, false },
		Uses:    (*atomic.Uint64).Load,
		Evicted: func(*atomic.Uint64) { gone.Add(1) },
	})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 20_000 {
				key := strconv.Itoa(i % 8)
				if i > 100 && i%8 != 0 {
					key = "hot" + strconv.Itoa(i%2)
				}
				s.Get(key).Add(1)
				s.List()
			}
		})
	}
	group.Wait()
	if len(s.List()) != 8 || gone.Load() == 0 || gone.Load() > 8 {
		t.Errorf("%d have places, %d have lost theirs; want 8, and one to 8", len(s.List()), gone.Load())
	}
}
