package faultpoint

import (
	"context"
	"errors"
	"testing"
)

func TestPass(t *testing.T) {
	refused := errors.New("refused")
	ctx := context.Background()
	asked := ""
	add := func(p Point, name string, err error) func() {
		return SetPass(p, func(context.Context) error { asked += name; return err })
	}
	restoreA := add(Query, "a", nil)
	restoreB := add(Query, "b", refused)
	restoreC := add(Query, "c", nil)
	if err := Pass(ctx, Query); err != refused || asked != "ab" {
		t.Errorf("asked %q, error %v; want ab and the refusal", asked, err)
	}
	if err := Pass(ctx, Connect); err != nil || asked != "ab" {
		t.Errorf("another point is asked as well: %q, %v", asked, err)
	}
	restoreB()
	restoreB()
	if err := Pass(ctx, Query); err != nil || asked != "abac" {
		t.Errorf("asked %q, error %v; want ac once more", asked, err)
	}
	restoreA()
	restoreC()
	if err := Pass(ctx, Query); err != nil || asked != "abac" {
		t.Errorf("something is still set: %q, %v", asked, err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = Pass(ctx, Query) }); n != 0 {
		t.Errorf("an unset point allocates %v times", n)
	}
}
