package response

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A receiver may hang, fail, send elsewhere or hang up; and whatever it does, the secret in its address is not shown.
func TestPostBadReceivers(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		leaves bool // the caller, when the receiver has been reached
		calls  int32
		want   string // in the error, "" for none
	}{
		"fine":            {func(http.ResponseWriter, *http.Request) {}, false, 1, ""},
		"recovers":        {failing(2, http.StatusServiceUnavailable), false, 3, ""},
		"is overloaded":   {failing(1, http.StatusTooManyRequests), false, 2, ""},
		"stays down":      {failing(9, http.StatusInternalServerError), false, 3, "500"},
		"refuses":         {failing(9, http.StatusForbidden), false, 1, "refused the message: 403"},
		"leads to itself": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) }, false, 1, "refused the message: 302"},
		"hangs":           {hanging, true, 1, "no time for another try"},
		"hangs up":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, 3, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if test.leaves {
					cancel()
				}
				test.answer(w, r)
			}))
			defer server.Close()
			p := Poster{URL: strings.Replace(server.URL, "http://", "http://user:s3cret@", 1) + "/hook/s3cret?token=s3cret", Backoff: time.Millisecond}
			_, err := p.Post(ctx, []byte("{}"), nil)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows the secret: %v", err)
			}
			if n := calls.Load(); n != test.calls {
				t.Errorf("%d calls, want %d", n, test.calls)
			}
		})
	}
}

// hanging waits until the client has gone, which a server notices only once it has read the body.
func hanging(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func failing(times int32, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if times--; times >= 0 {
			w.WriteHeader(status)
		}
	}
}

func TestBadAddresses(t *testing.T) {
	for _, address := range []string{"", "hook/s3cret", "ftp://host/s3cret", "https://%zz/s3cret", "http://"} {
		if err := (Poster{URL: address}).Validate(); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: error %v", address, err)
		}
		if _, err := (Poster{URL: address, Tries: 1}).Post(t.Context(), nil, nil); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("posting to %q: error %v", address, err)
		}
	}
}
