package quarantine

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/response"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReportsBearTheTokenOfNow(t *testing.T) {
	type received struct {
		token  string
		report Report
	}
	got := make(chan received, 10)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var report Report
		if err := json.Unmarshal(body, &report); err != nil {
			t.Error(err)
		}
		got <- received{r.Header.Get("Authorization"), report}
	}))
	defer server.Close()
	dir := t.TempDir()
	tokenFile, ca := filepath.Join(dir, "token"), filepath.Join(dir, "ca.crt")
	write(t, tokenFile, "first\n")
	write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	r, err := New(Config{Poster: response.Poster{URL: server.URL + "/v1/violations", Tries: 1}, TokenFile: tokenFile, CAFile: ca})
	if err != nil {
		t.Fatal(err)
	}
	v := stability.Violation{Contract: "pay", Name: "leak", Strike: 3, Value: 7, At: time.Unix(1, 0)}
	if err := r.Respond(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	write(t, tokenFile, "second")
	if err := r.Recovered(t.Context(), v, stability.Transition{}); err != nil {
		t.Fatal(err)
	}
	if a := <-got; a.token != "Bearer first" || a.report.Event != Violated || a.report.Version != 1 || a.report.Violation.Strike != 3 {
		t.Errorf("received %+v", a)
	}
	if a := <-got; a.token != "Bearer second" || a.report.Event != Recovered {
		t.Errorf("received %+v after the token was replaced", a)
	}
	write(t, tokenFile, "")
	if err := r.Respond(t.Context(), v); err == nil || !strings.Contains(err.Error(), "holds no token") {
		t.Errorf("without a token: %v", err)
	}
}

// The server of another authority, and one that the authority has vouched for under another name, are strangers.
func TestAForeignServerIsNotTrusted(t *testing.T) {
	other := authorityFor(t, "another.svc")
	for name, test := range map[string]struct {
		own    *tls.Certificate // nil for that of httptest
		trusts []byte
	}{
		"another authority":      {nil, other.Certificate[0]},
		"another name, at an IP": {&other, other.Certificate[0]},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the token was sent to a stranger") }))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			if test.own != nil {
				server.TLS = &tls.Config{Certificates: []tls.Certificate{*test.own}}
			}
			server.StartTLS()
			defer server.Close()
			dir := t.TempDir()
			tokenFile, ca := filepath.Join(dir, "token"), filepath.Join(dir, "ca.crt")
			write(t, tokenFile, "secret")
			write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: test.trusts})))
			r, err := New(Config{Poster: response.Poster{URL: server.URL, Tries: 1}, TokenFile: tokenFile, CAFile: ca})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Respond(t.Context(), stability.Violation{}); err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("it was trusted: %v", err)
			}
		})
	}
}

// authorityFor returns the certificate, signed by itself, of a server with that name.
func authorityFor(t *testing.T, name string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestWhatIsRefused(t *testing.T) {
	dir := t.TempDir()
	tokenFile := filepath.Join(dir, "token")
	write(t, tokenFile, "t")
	for name, cfg := range map[string]Config{
		"http":         {Poster: response.Poster{URL: "http://operator/v1/violations"}, TokenFile: tokenFile, CAFile: tokenFile},
		"no token":     {Poster: response.Poster{URL: "https://operator"}, TokenFile: filepath.Join(dir, "none"), CAFile: tokenFile},
		"no authority": {Poster: response.Poster{URL: "https://operator"}, TokenFile: tokenFile, CAFile: tokenFile},
		"no address":   {},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
