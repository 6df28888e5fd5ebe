package signals

import (
	"errors"
	"slices"
	"testing"
)

func TestLabels(t *testing.T) {
	a := NewLabels("pool", "orders", "db", "main")
	b := NewLabels("db", "main", "pool", "orders")
	if a != b {
		t.Errorf("%v != %v: the order of the keys matters", a, b)
	}
	if got := a.String(); got != `{db="main",pool="orders"}` {
		t.Errorf("String = %s", got)
	}
	if v, ok := a.Get("pool"); !ok || v != "orders" {
		t.Errorf("Get(pool) = %q, %v", v, ok)
	}
	if _, ok := a.Get("peer"); ok {
		t.Error("Get finds a key that is not there")
	}
	if l := NewLabels(); !l.IsZero() || l.String() != "" || l.Pairs() != nil {
		t.Errorf("no labels are %q, pairs %v", l, l.Pairs())
	}
	hostile := NewLabels("route", "a\",b=\"c}\n\x00é")
	if v, _ := hostile.Get("route"); v != "a\",b=\"c}\n\x00é" {
		t.Errorf("a hostile value came back as %q", v)
	}
}

func TestNewLabelsWantsPairs(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an odd number of arguments does not panic")
		}
	}()
	NewLabels("pool")
}

func TestUnmarshalText(t *testing.T) {
	for _, test := range []struct {
		text string
		want Labels
		ok   bool
	}{
		{``, Labels{}, true},
		{`{}`, Labels{}, true},
		{`{pool="orders"}`, NewLabels("pool", "orders"), true},
		{`{b="2",a="1"}`, NewLabels("a", "1", "b", "2"), true},
		{`{a="}"}`, NewLabels("a", "}"), true},
		{`{a=""}`, NewLabels("a", ""), true},
		{`{a="1",}`, Labels{}, false},
		{`{a="1"b="2"}`, Labels{}, false},
		{`{a='1'}`, Labels{}, false},
		{"{a=`1`}", Labels{}, false},
		{`{="1"}`, Labels{}, false},
		{`{a}`, Labels{}, false},
		{`{a="1}`, Labels{}, false},
		{`a="1"`, Labels{}, false},
		{`{`, Labels{}, false},
	} {
		var got Labels
		err := got.UnmarshalText([]byte(test.text))
		if (err == nil) != test.ok || got != test.want {
			t.Errorf("%s is %v, %v; want %v, ok %v", test.text, got, err, test.want, test.ok)
		}
		if wrong := (*LabelsError)(nil); err != nil && (!errors.As(err, &wrong) || wrong.Text != test.text) {
			t.Errorf("%s: the error is %v", test.text, err)
		}
	}
}

func FuzzLabels(f *testing.F) {
	for _, s := range []string{``, `{}`, `{a="1"}`, `{b="x,y",a="}"}`, `{a="\x00\n"}`, `{a="1",a="2"}`, `{a="1"`, `{a='1'}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var first, second Labels
		if first.UnmarshalText([]byte(s)) != nil {
			return
		}
		text, err := first.MarshalText()
		if err != nil {
			t.Fatalf("%q parses but does not marshal: %v", s, err)
		}
		if err := second.UnmarshalText(text); err != nil || first != second {
			t.Errorf("%q became %v, then %v, %v", s, first, second, err)
		}
		if !slices.Equal(first.Pairs(), second.Pairs()) {
			t.Errorf("pairs of %q: %v and %v", s, first.Pairs(), second.Pairs())
		}
	})
}

func TestRelated(t *testing.T) {
	orders, users := NewLabels("pool", "orders"), NewLabels("pool", "users")
	site := NewLabels("pool", "orders", "site", "a.go:1")
	for _, test := range []struct {
		a, b Labels
		want bool
	}{
		{orders, orders, true}, {orders, users, false}, {orders, site, true}, {site, users, false},
		{orders, Labels{}, true}, {Labels{}, users, true}, {NewLabels("peer", "risk"), orders, true},
	} {
		if got := test.a.Related(test.b); got != test.want || test.b.Related(test.a) != test.want {
			t.Errorf("%v and %v are related: %t, want %t", test.a, test.b, got, test.want)
		}
	}
}
