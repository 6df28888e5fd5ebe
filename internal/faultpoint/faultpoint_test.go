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
	add := func(s string) HandlerFunc {
		return func(http.ResponseWriter, *http.Request) bool { calls += s; return s == "last" }
	}
	restoreA := SetHandler(add("a"))
	restoreB := SetHandler(add("b"))
	Handler()(nil, nil)
	restoreA()
	restoreA()
	Handler()(nil, nil)
	restoreLast := SetHandler(add("last"))
	restoreNever := SetHandler(add("never"))
	if !Handler()(nil, nil) {
		t.Error("an answer is not reported")
	}
	restoreLast()
	restoreNever()
	restoreB()
	if calls != "abbblast" || Handler() != nil {
		t.Errorf("calls = %q, want abbblast; handler after restore is nil: %v", calls, Handler() == nil)
	}
}
