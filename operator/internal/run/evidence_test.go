package run

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/internal/eventually"
	"github.com/falsifiable/stability/operator/internal/store"
	"k8s.io/apimachinery/pkg/api/resource"
)

func evidenceAt(address, total string) (e Evidence) {
	e.Address, e.Keep = address, time.Hour
	e.Total.Quantity, e.Namespace.Quantity = resource.MustParse(total), resource.MustParse("1Gi")
	return e
}

func TestWhereEvidenceIsKept(t *testing.T) {
	if s, err := (Evidence{}).open(t.Context()); s != nil || err != nil {
		t.Errorf("without an address: %v, %v", s, err)
	}
	s, err := evidenceAt("file://"+t.TempDir(), "10Gi").open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for want, e := range map[string]Evidence{"must rise": evidenceAt("file://"+t.TempDir(), "1Mi"), "nowhere": evidenceAt("file:///nowhere/at/all", "10Gi")} {
		if _, err := e.open(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

// A store is known as soon as the operator runs, and its sweeping ends with it.
func TestSweepingBeginsAtOnce(t *testing.T) {
	s, err := evidenceAt("file://"+t.TempDir(), "10Gi").open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if sweeping(s).NeedLeaderElection() {
		t.Error("only the leader would know what is there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- sweeping(s)(ctx) }()
	put := func() error {
		return s.Put(t.Context(), store.Bundle{Namespace: "shop", Pod: "p", ID: "1"}, "heap", 1, strings.NewReader("x"))
	}
	eventually.Holds(t, "evidence is taken", func() bool { return put() == nil })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
