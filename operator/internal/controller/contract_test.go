package controller

import (
	"strings"
	"testing"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A contract says what the trials of its workload came to, and not what those of another did. One that refutes outweighs the rest.
func TestAContractSaysWhatIsProven(t *testing.T) {
	c := newCluster(t)
	at := client.ObjectKey{Namespace: "shop", Name: "pay"}
	var contract v1alpha1.StabilityContract
	if err := c.client.Get(t.Context(), at, &contract); err != nil {
		t.Fatal(err)
	}
	contract.Spec.Selector.MatchLabels = map[string]string{"app": "pay"}
	contract.Spec.Checks = []v1alpha1.Check{{Name: "leak", Expr: "go.goroutine.count > 1000"}}
	if err := c.client.Update(t.Context(), &contract); err != nil {
		t.Fatal(err)
	}
	r := &ContractReconciler{Client: c.client}
	for _, step := range []struct {
		name, workload string
		came, want     metav1.ConditionStatus
		words          string
	}{
		{"", "", "", metav1.ConditionUnknown, "no Falsification"},
		{"other", "other", metav1.ConditionFalse, metav1.ConditionUnknown, "no Falsification"},
		{"one", "pay", metav1.ConditionTrue, metav1.ConditionTrue, "Falsification one: every check"},
		{"two", "pay", metav1.ConditionFalse, metav1.ConditionFalse, "Falsification two: every check"},
		{"zero", "pay", metav1.ConditionTrue, metav1.ConditionFalse, "Falsification two: every check"},
	} {
		if step.name != "" {
			f := &v1alpha1.Falsification{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: step.name}, Spec: v1alpha1.FalsificationSpec{Workload: v1alpha1.WorkloadReference{Name: step.workload}}}
			f.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionProven, Status: step.came, Reason: "Ended", Message: "every check was"}}
			if err := c.client.Create(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: at}); err != nil {
			t.Fatal(err)
		}
		if err := c.client.Get(t.Context(), at, &contract); err != nil {
			t.Fatal(err)
		}
		if got := meta.FindStatusCondition(contract.Status.Conditions, v1alpha1.ConditionProven); got == nil || got.Status != step.want || !strings.HasPrefix(got.Message, step.words) {
			t.Errorf("with Falsification %q: %+v", step.name, got)
		}
	}
}
