// Package quarantine reports violations and their ends to the operator of the cluster, which may then take the pod out of
// service. The service needs no right on the cluster and no client of it for that: the operator knows by the pod's own token who
// speaks, and a pod speaks only for itself.
//
// The token is the projected one of the pod's service account, with an audience of its own (docs/guide/operator.md#reports). It is
// read anew for each report, because the kubelet replaces it while the service runs.
package quarantine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/response"
)

// Where the manifests of the operator mount the token and the certificate authority.
const (
	DefaultTokenFile = "/var/run/secrets/stability/token"
	DefaultCAFile    = "/var/run/secrets/stability/ca.crt"
)

// maxToken is more than any token has, and bounds what a wrong path makes us read.
const maxToken = 64 << 10

// Config configures a [Responder].
type Config struct {
	// Poster has the operator's address, https://host:port/v1/violations. Its Client defaults to one that trusts CAFile and
	// nothing else, as it is at the time.
	response.Poster
	// TokenFile defaults to DefaultTokenFile.
	TokenFile string
	// CAFile defaults to DefaultCAFile.
	CAFile string
	// Evidence sends the bundle of a violation after its report, up to [MaxEvidence] bytes, so that it outlives the pod; the
	// operator must have a store for it. Defaults to false, for profiles leave the pod then. A bundle is read from disk as it is
	// sent, and sent once; what fails is tried again at the next strike, up to the third. Report and bundle share the Timeout of
	// the [stability.Response], 10 s unless it says more.
	Evidence bool
}

// Report is the body of a request. Its version is 1; fields may be added. Who sends it is in the token and nowhere else.
type Report struct {
	Version   int                 `json:"version"`
	Event     string              `json:"event"` // Violated, at each strike, or Recovered
	Violation stability.Violation `json:"violation"`
}

// The events of a Report.
const (
	Violated  = "violated"
	Recovered = "recovered"
)

// Responder reports to the operator. It is bound at strike 1, for the operator has the ladder, and with a [stability.Response.Repeat] of
// a minute: what was refused for a budget is decided upon again only while its last report is fresh, two minutes unless the policy says
// otherwise. It does not act itself, so that it also reports for contracts in mode observe, which the operator does not act upon. Safe
// for concurrent use. Make one with [New].
type Responder struct {
	cfg         Config
	evidenceURL string // of all bundles
	evidence    sender
}

var _ stability.RecoveryResponder = (*Responder)(nil)

// New returns a responder, or an error about the address, the token or the certificate authority.
func New(cfg Config) (*Responder, error) {
	if err := cfg.Poster.Validate(); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(cfg.URL, "https://") {
		return nil, errors.New("quarantine: the URL is not of https: the token would be readable on the way")
	}
	if cfg.TokenFile == "" {
		cfg.TokenFile = DefaultTokenFile
	}
	if cfg.CAFile == "" {
		cfg.CAFile = DefaultCAFile
	}
	if _, err := token(cfg.TokenFile); err != nil {
		return nil, err
	}
	if cfg.Client == nil {
		if _, err := authority(cfg.CAFile); err != nil {
			return nil, err
		}
		cfg.Client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
			ForceAttemptHTTP2: true, IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 1,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyConnection: verify(cfg.CAFile, host(cfg.URL))},
		}}
	}
	return &Responder{cfg: cfg, evidenceURL: besides(cfg.URL, "evidence/")}, nil
}

// besides replaces the last element of an address's path.
func besides(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.ResolveReference(&url.URL{Path: name}).String()
}

// host is whom the certificate must name: a name or an IP address.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// verify does what crypto/tls does, with the authority as the file has it now: it is replaced while the service runs. The host is that
// of the URL, for the connection's own ServerName is empty where the URL has an IP address, and then no name would be compared.
func verify(file, host string) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		roots, err := authority(file)
		if err != nil {
			return err
		}
		options := x509.VerifyOptions{Roots: roots, DNSName: host, Intermediates: x509.NewCertPool()}
		for _, c := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(c)
		}
		_, err = state.PeerCertificates[0].Verify(options)
		return err
	}
}

func authority(file string) (*x509.CertPool, error) {
	pem, err := read(file)
	if err != nil {
		return nil, fmt.Errorf("quarantine: reading the certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("quarantine: reading the certificate authority: %s has no certificate in PEM", file)
	}
	return pool, nil
}

func token(file string) (string, error) {
	text, err := read(file)
	if err != nil {
		return "", fmt.Errorf("quarantine: reading the token: %w; is the projected volume of docs/guide/operator.md#reports mounted?", err)
	}
	t := strings.TrimSpace(string(text))
	if t == "" || strings.ContainsAny(t, " \r\n\t") {
		return "", fmt.Errorf("quarantine: reading the token: %s holds no token", file)
	}
	return t, nil
}

func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxToken))
}

// Name returns "quarantine".
func (*Responder) Name() string { return "quarantine" }

// Respond reports the violation, and sends its evidence if that was asked for.
func (r *Responder) Respond(ctx context.Context, v stability.Violation) error {
	err := r.post(ctx, Report{Event: Violated, Violation: v})
	if r.cfg.Evidence && err == nil { // who was not heard is not asked for evidence
		err = r.sendEvidence(ctx, v.Evidence)
	}
	return err
}

// Recovered reports the end of a violation.
func (r *Responder) Recovered(ctx context.Context, v stability.Violation, _ stability.Transition) error {
	return r.post(ctx, Report{Event: Recovered, Violation: v})
}

func (r *Responder) post(ctx context.Context, report Report) error {
	report.Version = 1
	body, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("quarantine: encoding: %w", err)
	}
	var unread error
	_, err = r.cfg.Post(ctx, body, func(request *http.Request) {
		t, err := token(r.cfg.TokenFile)
		if unread = err; err == nil {
			request.Header.Set("Authorization", "Bearer "+t)
		}
	})
	return errors.Join(err, unread)
}
