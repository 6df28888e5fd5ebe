//go:build e2e

package e2e

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/operator/internal/run"
	"github.com/falsifiable/stability/response"
	"github.com/falsifiable/stability/response/quarantine"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// store is one in a folder, with the quotas that the chart gives.
func store(folder string) (e run.Evidence) {
	e.Address, e.Keep = "file://"+folder, time.Hour
	e.Total.Quantity, e.Namespace.Quantity = resource.MustParse("10Gi"), resource.MustParse("1Gi")
	return e
}

// responder is what a service in the pod has to report with.
func (p *place) responder(pod corev1.Pod) *quarantine.Responder {
	p.Helper()
	token := filepath.Join(p.TempDir(), "token")
	if err := os.WriteFile(token, []byte(p.token(pod, "stability")), 0o600); err != nil {
		p.Fatal(err)
	}
	r, err := quarantine.New(quarantine.Config{Poster: response.Poster{URL: p.intake + "/v1/violations"}, TokenFile: token, CAFile: filepath.Join(p.certificates, "tls.crt"), Evidence: true})
	if err != nil {
		p.Fatal(err)
	}
	return r
}

// captured is a bundle of evidence as a monitor makes it.
func captured(t *testing.T) evidence.Bundle {
	t.Helper()
	c, err := evidence.Open(evidence.Config{Dir: filepath.Join(t.TempDir(), "evidence"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Capture(t.Context(), evidence.Request{Key: "pay/leak", Documents: map[string]evidence.Document{"recording": func(int64) any { return []int{1, 2} }}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The evidence of a pod is in the store before anything is done to the pod: the action waits for it.
func TestEvidenceIsKeptBeforeTheAction(t *testing.T) {
	p := newPlace(t, acting())
	p.evidence = t.TempDir()
	p.operate(plane.config)
	p.wait("the contract is accepted", func() bool { return p.contract().Status.Pods.Watched == 3 })
	sick, bundle := p.pods("pay")[0], captured(t)
	v := violation(3, time.Now())
	v.Evidence = bundle.Path
	p.reported(p.token(sick, "stability"), v)
	p.wait("an action is granted", func() bool { return len(p.ledger()) == 1 })
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		// On a machine that stood still for 20 s the wait is over, and rightly.
		if l := p.ledger(); l[0].Applied != nil && l[0].Applied.Sub(l[0].Granted.Time) < 15*time.Second {
			t.Fatal("the pod was acted upon before its evidence was there")
		}
	}
	if err := p.responder(sick).Respond(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	kept, err := evidence.Read(filepath.Join(p.evidence, p.ns, sick.Name, bundle.ID))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range bundle.Files {
		sent, err := bundle.ReadFile(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := kept.ReadFile(f.Name); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%s is kept as %d bytes of %d, %v", f.Name, len(got), len(sent), err)
		}
	}
	p.wait("the pod is quarantined", func() bool { return len(p.quarantined()) == 1 })
	if _, err := os.Stat(filepath.Join(p.evidence, p.ns, sick.Name, bundle.ID, "manifest.json")); err != nil {
		t.Error(err)
	}
}
