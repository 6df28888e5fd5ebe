package faultpoint

import (
	"net/http"
	"testing"
)

func TestSetHandlerRestoresInAnyOrder(t *testing.T) {
	if Handler() != nil {
		t.Fatal("a handler is set before anybody set one")
	}
	var calls string
	add := func(s string) HandlerFunc { return func(http.ResponseWriter, *http.Request) { calls += s } }
	restoreA := SetHandler(add("a"))
	restoreB := SetHandler(add("b"))
	Handler()(nil, nil)
	restoreA()
	restoreA()
	Handler()(nil, nil)
	restoreB()
	if calls != "abb" || Handler() != nil {
		t.Errorf("calls = %q, want abb; handler after restore is nil: %v", calls, Handler() == nil)
	}
}
