package deadline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func everybody(*http.Request) bool { return true }

// seen is what a handler found in its request.
type seen struct {
	called bool
	left   time.Duration // -1 without a deadline
	header string
}

func serve(server Server, header string) (seen, *httptest.ResponseRecorder) {
	var s seen
	handler := server.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s = seen{true, -1, r.Header.Get(Header)}
		if left, ok := Left(r.Context()); ok {
			s.left = left
		}
	}))
	r := httptest.NewRequest("GET", "/", nil)
	if header != "" {
		r.Header.Set(Header, header)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return s, w
}

// TestHazard10AForeignHeaderOnlyShortens is about docs/guide/hazards.md of the design: a deadline header trusted from outside.
func TestHazard10AForeignHeaderOnlyShortens(t *testing.T) {
	const none = -1
	for _, test := range []struct {
		name    string
		trust   func(*http.Request) bool
		timeout time.Duration
		header  string
		want    seen
	}{
		{"no header, no timeout", everybody, 0, "", seen{true, none, ""}},
		{"no header", everybody, 5 * time.Second, "", seen{true, 5 * time.Second, ""}},
		{"trusted and shorter", everybody, 5 * time.Second, "4S", seen{true, 4 * time.Second, "4S"}},
		{"trusted and longer", everybody, 5 * time.Second, "60S", seen{true, 5 * time.Second, "60S"}},
		{"trusted, no timeout of one's own", everybody, 0, "4S", seen{true, 4 * time.Second, "4S"}},
		{"trusted nonsense", everybody, 5 * time.Second, "soon", seen{true, 5 * time.Second, "soon"}},
		{"untrusted by default", nil, 0, "1n", seen{true, none, ""}},
		{"untrusted by default, nothing left", nil, 0, "0n", seen{true, none, ""}},
		{"untrusted by default, longer", nil, 5 * time.Second, "60S", seen{true, 5 * time.Second, ""}},
		{"from outside the networks", TrustNetworks(netip.MustParsePrefix("10.0.0.0/8")), 0, "1S", seen{true, none, ""}},
		{"from inside", TrustNetworks(netip.MustParsePrefix("192.0.2.0/24")), 0, "1S", seen{true, time.Second, "1S"}}, // httptest's
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, _ := serve(Server{Trust: test.trust, Timeout: test.timeout}, test.header)
				if got != test.want {
					t.Errorf("the handler saw %+v, want %+v", got, test.want)
				}
			})
		})
	}
}

func TestARequestWithoutTimeIsNotServed(t *testing.T) {
	got, w := serve(Server{Trust: everybody}, "0n")
	if got.called || w.Code != http.StatusGatewayTimeout {
		t.Errorf("called %t, status %d; want no call and 504", got.called, w.Code)
	}
}

func TestTrustNetworksGoesByTheConnection(t *testing.T) {
	trust := TrustNetworks(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"))
	for _, test := range []struct {
		peer string
		want bool
	}{
		{"10.1.2.3:4711", true}, {"11.1.2.3:4711", false}, {"[fd00::1]:1", true}, {"[fd00::1%eth0]:1", true},
		{"[::ffff:10.1.2.3]:1", true}, {"@", false}, {"", false}, {"10.1.2.3", false},
	} {
		r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": {"10.1.2.3"}}}
		if got := trust(r); got != test.want {
			t.Errorf("trust(%q) = %t, want %t", test.peer, got, test.want)
		}
	}
}

// Metrics outside of the middleware go by the pattern that a mux inside of it matched.
func TestThePatternIsSeenOutside(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(http.ResponseWriter, *http.Request) {})
	r := httptest.NewRequest("GET", "/orders/7", nil)
	Server{Timeout: time.Second}.Middleware(mux).ServeHTTP(httptest.NewRecorder(), r)
	if r.Pattern != "GET /orders/{id}" {
		t.Errorf("pattern = %q", r.Pattern)
	}
}

func TestShorten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		shorter, cancelShorter, err := Shorten(ctx, time.Second)
		if left, ok := Left(shorter); err != nil || !ok || left != 4*time.Second {
			t.Errorf("Shorten left %v, %t, %v; want 4s", left, ok, err)
		}
		cancelShorter()
		if _, cancel, err := Shorten(ctx, 5*time.Second); !errors.Is(err, ErrExhausted) || cancel == nil {
			t.Errorf("Shorten by all that is left = %v, want ErrExhausted", err)
		}
		cancel()
		if _, _, err := Shorten(ctx, time.Second); !errors.Is(err, context.Canceled) {
			t.Errorf("Shorten of a canceled context = %v", err)
		}
		free, cancelFree, err := Shorten(context.Background(), time.Second)
		if _, ok := Left(free); ok || err != nil {
			t.Errorf("a context without a deadline got one: %v", err)
		}
		if cancelFree(); free.Err() == nil {
			t.Error("cancel does nothing")
		}
	})
}

// TestUploadsLeaveNoFiles: net/http removes the temporary files of the request that it knows.
func TestUploadsLeaveNoFiles(t *testing.T) {
	for name, s := range map[string]Server{"bounded": {Timeout: time.Minute}, "stripped": {}, "bare": {}} {
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		parse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseMultipartForm(1 << 10); err != nil {
				t.Error(err)
			}
			if files, _ := os.ReadDir(dir); len(files) == 0 {
				t.Error("the upload made no file: there is nothing to test")
			}
			if r.URL.Path == "/panic" {
				panic("after the upload")
			}
		})
		recovers := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { _ = recover() }()
				next.ServeHTTP(w, r)
			})
		}
		server := httptest.NewServer(recovers(s.Middleware(parse)))
		for _, path := range []string{"/", "/panic"} {
			var upload bytes.Buffer
			form := multipart.NewWriter(&upload)
			file, err := form.CreateFormFile("f", "big.bin")
			if err != nil {
				t.Fatal(err)
			}
			file.Write(make([]byte, 11<<20))
			form.Close()
			r, err := http.NewRequest("POST", server.URL+path, &upload)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", form.FormDataContentType())
			if name == "stripped" {
				r.Header.Set(Header, "1S")
			}
			response, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
		}
		server.Close() // waits until the requests are over
		if files, err := os.ReadDir(dir); len(files) != 0 || err != nil {
			t.Errorf("%s: left are %v, %v", name, files, err)
		}
	}
}

// TestTrailersArrive: net/http writes them into the request that it knows, when its body has been read.
func TestTrailersArrive(t *testing.T) {
	for _, announced := range []bool{true, false} {
		got := ""
		server := httptest.NewServer(Server{Timeout: time.Minute}.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			got = r.Trailer.Get("Checksum")
		})))
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		head := "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
		if announced {
			head += "Trailer: Checksum\r\n"
		}
		io.WriteString(conn, head+"\r\n2\r\nhi\r\n0\r\nChecksum: 17\r\n\r\n")
		io.Copy(io.Discard, conn)
		conn.Close()
		server.Close()
		if got != "17" {
			t.Errorf("announced %t: the trailer reads %q, want 17", announced, got)
		}
	}
}

// TestWhatTheHandlerWritesIsSeenOutside: a form that was parsed inside, also by a handler that panics.
func TestWhatTheHandlerWritesIsSeenOutside(t *testing.T) {
	r := httptest.NewRequest("POST", "/?a=1", strings.NewReader("b=2"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	func() {
		defer func() { _ = recover() }()
		Server{Timeout: time.Second}.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			r.ParseForm()
			panic("after")
		})).ServeHTTP(httptest.NewRecorder(), r)
	}()
	if r.Form.Get("a") != "1" || r.PostForm.Get("b") != "2" {
		t.Errorf("form %v, post form %v", r.Form, r.PostForm)
	}
}
