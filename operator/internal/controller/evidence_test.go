package controller

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/intake"
	"github.com/falsifiable/stability/operator/internal/store"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// keeping returns a cluster whose violation names a bundle, and a store.
func keeping(t *testing.T) (*cluster, *Evidence) {
	t.Helper()
	c := newCluster(t)
	var contract v1alpha1.StabilityContract
	if err := c.client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "pay"}, &contract); err != nil {
		t.Fatal(err)
	}
	contract.Status.Violating[0].Evidence = "/var/evidence/bundle-1"
	if err := c.client.Status().Update(t.Context(), &contract); err != nil {
		t.Fatal(err)
	}
	kept, err := store.Open(t.Context(), "file://"+t.TempDir(), store.Limits{Total: 1000, Namespace: 500, Bundle: 100, Keep: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() }) // a test may have closed it
	if err := kept.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, &Evidence{Client: c.client, Store: kept}
}

func (k *Evidence) keep(t *testing.T, from intake.Sender, bundle, file, text string) error {
	t.Helper()
	if err := k.Named(t.Context(), from, bundle); err != nil {
		return err
	}
	return k.Keep(t.Context(), from, bundle, file, int64(len(text)), strings.NewReader(text))
}

func TestOnlyWhatAViolationNamesIsKept(t *testing.T) {
	_, k := keeping(t)
	sick := intake.Sender{Namespace: "shop", Pod: "pay-0", PodUID: "u0"}
	if err := k.keep(t, sick, "bundle-1", "heap", "profile"); err != nil {
		t.Error(err)
	}
	if err := k.keep(t, sick, "bundle-1", "trace", strings.Repeat("x", 200)); !errors.Is(err, intake.ErrFull) {
		t.Errorf("beyond the limit of a bundle: %v", err)
	}
	for what, test := range map[string]struct {
		from   intake.Sender
		bundle string
	}{
		"another bundle":                       {sick, "bundle-2"},
		"a healthy pod":                        {intake.Sender{Namespace: "shop", Pod: "pay-1", PodUID: "u1"}, "bundle-1"},
		"a pod of another namespace":           {intake.Sender{Namespace: "other", Pod: "pay-0", PodUID: "u0"}, "bundle-1"},
		"an earlier pod of the same name":      {intake.Sender{Namespace: "shop", Pod: "pay-0", PodUID: "older"}, "bundle-1"},
		"the folder of a bundle, by its dots":  {sick, ".."},
		"whoever names the folder of evidence": {sick, "evidence"},
	} {
		if err := k.keep(t, test.from, test.bundle, "heap", "x"); !errors.Is(err, intake.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A pod is not touched before its evidence is safe, and not for ever because it never comes.
func TestAnActionWaitsForEvidence(t *testing.T) {
	for _, arrives := range []bool{true, false} {
		c, k := keeping(t)
		r, _ := c.operator(0, false)
		r.Store = k.Store
		c.rounds(r, 2)
		if c.pod().Labels[v1alpha1.LabelQuarantined] != "" {
			t.Fatal("the pod is quarantined before its evidence is there")
		}
		if arrives {
			if err := k.keep(t, intake.Sender{Namespace: "shop", Pod: "pay-0", PodUID: "u0"}, "bundle-1", store.Manifest, "{}"); err != nil {
				t.Fatal(err)
			}
			c.rounds(r, 1)
		} else {
			c.rounds(r, 2)
		}
		if c.pod().Labels[v1alpha1.LabelQuarantined] == "" {
			t.Errorf("the pod is not quarantined; its evidence has arrived: %v", arrives)
		}
	}
}

// Who reads what was done to a pod also reads where its evidence is.
func TestWhatIsDoneNamesTheEvidence(t *testing.T) {
	c, _ := keeping(t)
	r, _ := c.operator(0, false)
	told := events.NewFakeRecorder(1000)
	r.Events = told
	c.rounds(r, 3)
	for {
		select {
		case event := <-told.Events:
			if strings.Contains(event, "QuarantineApply") {
				if !strings.Contains(event, "/var/evidence/bundle-1") {
					t.Errorf("told: %s", event)
				}
				return
			}
		default:
			t.Fatal("nothing was told of the quarantine")
		}
	}
}

// A store that does not answer holds up neither what was begun before nor, for longer than evidence is waited for, what is begun.
func TestAStoreThatIsAwayHoldsNobodyUp(t *testing.T) {
	c, k := keeping(t)
	if err := k.Store.Close(); err != nil {
		t.Fatal(err)
	}
	r, _ := c.operator(0, false)
	r.Store = k.Store
	c.rounds(r, 4)
	if c.pod().Labels[v1alpha1.LabelQuarantined] == "" {
		t.Error("the pod is not quarantined")
	}
}
