package requests

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// What a handler writes into the copy is in the original once it has been given back.
func TestCopyGivesBack(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/orders", nil)
	inner, giveBack := Copy(t.Context(), r)
	if inner == r || inner.Context() != t.Context() {
		t.Fatal("it is no copy with the context")
	}
	inner.Pattern, inner.Form = "POST /orders", url.Values{"id": {"7"}}
	giveBack()
	if r.Pattern != "POST /orders" || r.Form.Get("id") != "7" {
		t.Errorf("the original has pattern %q and form %v", r.Pattern, r.Form)
	}
}
