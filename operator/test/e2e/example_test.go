//go:build e2e

package e2e

import (
	"os"
	"testing"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The example is deployed as its file says: its contract is accepted, and its three pods are watched. The process in them is not run.
func TestTheExampleIsDeployed(t *testing.T) {
	p := &place{T: t, ns: "payments"}
	if err := plane.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.ns}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../../examples/payment/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	objects, err := read(text)
	if err != nil || len(objects) != 4 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	strict := client.WithFieldValidation(plane.client, metav1.FieldValidationStrict)
	for _, o := range objects {
		o.SetNamespace(p.ns)
		if err := strict.Create(t.Context(), o); err != nil {
			t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
		defer func() { // so that no other test's operator counts it
			if err := plane.client.Delete(t.Context(), o); err != nil {
				t.Error(err)
			}
		}()
	}
	p.operate(plane.config)
	var c v1alpha1.StabilityContract
	p.waitFor("its contract is accepted", func() bool {
		err := plane.client.Get(t.Context(), types.NamespacedName{Namespace: p.ns, Name: "payment-stability-sla"}, &c)
		return err == nil && c.Status.Pods.Watched == 3 && meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionAccepted)
	}, func() { t.Log(c.Status) })
	p.waitFor("its three pods are ready", func() bool { return len(p.pods("payment")) == 3 }, func() { t.Log(p.all()) })
}
