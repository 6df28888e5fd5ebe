package hotconfig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/internal/eventually"
)

func makePair(t *testing.T, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// Between the two writes the files do not match: the old pair stays.
func TestPairsAreTakenTogether(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	cert, key := makePair(t, 1)
	write(t, certFile, cert)
	write(t, keyFile, key)
	pair, err := WatchPair(t.Context(), certFile, keyFile, PairOptions{Logger: quiet(), Debounce: time.Millisecond, Poll: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		c, err := Certificate(pair)(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.Int64()
	}
	for n := int64(2); n < 10; n++ {
		cert, key := makePair(t, n)
		write(t, certFile, cert)
		eventually.Holds(t, "the pair does not match", func() bool { return strings.Contains(pair.Status().Error, "private key does not match") })
		if got := serial(); got != n-1 {
			t.Errorf("while pair %d is half written, %d is served", n, got)
		}
		write(t, keyFile, key)
		eventually.Holds(t, "the new pair is served", func() bool { return serial() == n && pair.Status().Error == "" })
	}
	if s := pair.Status(); s.Torn == 0 || s.Generation != 9 {
		t.Errorf("%+v", s)
	}
}
