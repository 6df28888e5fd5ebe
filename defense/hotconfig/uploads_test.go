package hotconfig

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// TestWhatTheHandlerWritesIsSeenOutside: a request that is pinned is a copy. What a mux and a handler write into it is seen by whoever
// is outside: the route by metrics, and the uploaded files by net/http, which removes them.
func TestWhatTheHandlerWritesIsSeenOutside(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	v, _ := start(t, "c.yaml", good, quick())
	mux := http.NewServeMux()
	trailer := ""
	mux.HandleFunc("POST /up", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 10); err != nil {
			t.Error(err)
		}
		if files, _ := os.ReadDir(dir); len(files) == 0 {
			t.Error("the upload made no file: there is nothing to test")
		}
		_, _ = io.Copy(io.Discard, r.Body)
		trailer = r.Trailer.Get("Checksum")
	})
	pinned, pattern := v.Middleware(mux), ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pinned.ServeHTTP(w, r)
		pattern = r.Pattern
	}))
	var upload bytes.Buffer
	form := multipart.NewWriter(&upload)
	file, err := form.CreateFormFile("f", "big.bin")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = file.Write(bytes.Repeat([]byte("x"), 1<<20))
	form.Close()
	r, err := http.NewRequest("POST", server.URL+"/up", io.NopCloser(strings.NewReader(upload.String()))) // of a length that nobody knows
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Trailer = http.Header{"Checksum": {"17"}}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	server.Close() // waits until the request is over
	if files, err := os.ReadDir(dir); len(files) != 0 || err != nil {
		t.Errorf("left are %v, %v", files, err)
	}
	if pattern != "POST /up" || trailer != "17" {
		t.Errorf("outside the route is %q, inside the trailer %q", pattern, trailer)
	}
}
