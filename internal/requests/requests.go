// Package requests hands a server's request on as a copy without losing what is written into the copy.
package requests

import (
	"context"
	"net/http"
)

// Copy returns the request with another context. The function that it returns copies what handlers have written into the copy to
// the request that it was copied from: a mux the pattern, which metrics outside ask for, and ParseMultipartForm the form, whose
// temporary files net/http removes after the request.
func Copy(ctx context.Context, r *http.Request) (inner *http.Request, giveBack func()) {
	if r.Trailer == nil && r.ContentLength < 0 {
		r.Trailer = make(http.Header) // which net/http fills when the body is at its end: in r, so both must have the same
	}
	inner = r.WithContext(ctx)
	return inner, func() {
		r.Pattern = inner.Pattern
		r.Form, r.PostForm, r.MultipartForm = inner.Form, inner.PostForm, inner.MultipartForm
	}
}
