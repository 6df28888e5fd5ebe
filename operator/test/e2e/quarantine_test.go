//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// One of three pods violates three times: it leaves the Service and its ReplicaSet, which replaces it, and comes back when a person
// asks for it.
func TestThirdStrikeQuarantines(t *testing.T) {
	p := newPlace(t, acting())
	p.operate(plane.config)
	p.wait("the contract is accepted", func() bool {
		c := p.contract()
		return len(c.Status.Conditions) > 0 && c.Status.Pods.Watched == 3
	})
	var rendered corev1.ConfigMap
	if err := plane.client.Get(t.Context(), types.NamespacedName{Namespace: p.ns, Name: "stability-pay"}, &rendered); err != nil || !strings.Contains(rendered.Data["contracts.yaml"], "go.goroutine.count > 1000") {
		t.Errorf("the rendered contract: %v %v", err, rendered.Data)
	}
	sick, other := p.pods("pay")[0], p.pods("pay")[1]
	p.wait("all three are served", func() bool { return len(p.served()) == 3 })
	token, since := p.token(sick, "stability"), time.Now()
	if got := p.report(p.token(sick, ""), violation(3, since)); got != 401 {
		t.Errorf("a token for another audience: %d", got)
	}
	for strike := 1; strike <= 2; strike++ {
		p.reported(token, violation(strike, since))
	}
	p.wait("people are told of the second strike", func() bool {
		c := p.contract()
		return len(c.Status.Violating) == 1 && strings.Contains(c.Status.Violating[0].Decision, "Notify: strike 2")
	})
	if n := len(p.quarantined()); n != 0 {
		t.Fatalf("%d pods are quarantined at the second strike", n)
	}
	third := time.Now()
	p.reported(token, violation(3, since))
	p.wait("the pod is quarantined", func() bool { return len(p.quarantined()) == 1 })
	t.Logf("third strike to quarantine: %v", time.Since(third))
	p.wait("it is replaced, and no longer served", func() bool {
		served := p.served()
		return len(p.pods("pay")) == 3 && len(served) == 3 && !served[sick.Name]
	})
	held := p.quarantined()[0]
	if held.UID != sick.UID || len(held.OwnerReferences) != 0 || held.Labels["team"] != "money" || held.DeletionTimestamp != nil {
		t.Errorf("the quarantined pod is %s with %v and %v", held.Name, held.Labels, held.OwnerReferences)
	}
	if got := p.report(token, violation(4, since)); got != 404 {
		t.Errorf("a quarantined pod is still watched: %d", got)
	}
	if got := p.report(p.token(other, "stability"), violation(3, since)); got != 200 {
		t.Errorf("another pod: %d", got)
	}
	p.wait("the second is refused, for the budget of the workload is one", func() bool {
		c := p.contract()
		return len(c.Status.Violating) == 1 && strings.HasPrefix(c.Status.Violating[0].Decision, "WorkloadSpent")
	})
	p.change(&held, func() { held.Annotations[v1alpha1.AnnotationRestore] = "now" })
	p.wait("it is restored, and the ReplicaSet has three again", func() bool {
		return len(p.quarantined()) == 0 && len(p.pods("pay")) == 3 && len(p.all()) == 3
	})
	p.wait("the ledger says that a person ended it", func() bool {
		l := p.ledger()
		return len(l) == 1 && l[0].Phase == "Ended" && l[0].ByPerson
	})
	p.wait("and the workload is left to people", func() bool {
		c := p.contract()
		return len(c.Status.Violating) == 0 || strings.HasPrefix(c.Status.Violating[0].Decision, "HandsOff")
	})
}

// Without mode Act nothing is changed, and what would be is said.
func TestDryRunIsTheDefault(t *testing.T) {
	policy := acting()
	policy.Mode = ""
	p := newPlace(t, policy)
	p.operate(plane.config)
	p.wait("the contract is accepted", func() bool { return p.contract().Status.Pods.Watched == 3 })
	if got := p.report(p.token(p.pods("pay")[0], "stability"), violation(3, time.Now())); got != 200 {
		t.Fatal(got)
	}
	p.wait("a dry run is entered", func() bool { l := p.ledger(); return len(l) == 1 && l[0].DryRun })
	p.decided("DryRun")
	if n := len(p.quarantined()); n != 0 {
		t.Errorf("%d pods are quarantined", n)
	}
}

// Two of three violate at once: that is no pod's fault.
func TestStormFreezes(t *testing.T) {
	p := newPlace(t, acting())
	p.operate(plane.config)
	p.wait("the contract is accepted", func() bool { return p.contract().Status.Pods.Watched == 3 })
	since := time.Now()
	for _, pod := range p.pods("pay")[:2] {
		if got := p.report(p.token(pod, "stability"), violation(1, since)); got != 200 {
			t.Fatal(got)
		}
	}
	p.wait("the contract is frozen", func() bool {
		c := p.contract()
		for _, k := range c.Status.Conditions {
			if k.Type == v1alpha1.ConditionFrozen && k.Status == "True" {
				return true
			}
		}
		return false
	})
	if got := p.report(p.token(p.pods("pay")[0], "stability"), violation(3, since)); got != 200 {
		t.Fatal(got)
	}
	p.wait("the third strike is refused", func() bool {
		for _, v := range p.contract().Status.Violating {
			if strings.HasPrefix(v.Decision, "Storm") {
				return true
			}
		}
		return false
	})
	if n := len(p.quarantined()); n != 0 {
		t.Errorf("%d pods are quarantined in a storm", n)
	}
}

// What the API server itself refuses, by the rules in the CRDs.
func TestTheAPIServerRefuses(t *testing.T) {
	good := v1alpha1.StabilityContractSpec{Mode: "observe", Checks: []v1alpha1.Check{{Name: "leak", Expr: "go.goroutine.count > 1000"}}}
	good.Selector.MatchLabels = map[string]string{"app": "pay"}
	good.Interval.Duration = time.Minute
	contract := func(change func(*v1alpha1.StabilityContractSpec)) client.Object {
		c := &v1alpha1.StabilityContract{Spec: *good.DeepCopy()}
		c.Name, c.Namespace = "refused", "default"
		change(&c.Spec)
		return c
	}
	policy := func(name string, change func(*v1alpha1.StabilityPolicySpec)) client.Object {
		s := &v1alpha1.StabilityPolicy{Spec: acting()}
		s.Name = name
		change(&s.Spec)
		return s
	}
	five, six := int32(5), int32(6)
	for name, test := range map[string]struct {
		object client.Object
		words  string
	}{
		"good":            {contract(func(*v1alpha1.StabilityContractSpec) {}), ""},
		"empty selector":  {contract(func(s *v1alpha1.StabilityContractSpec) { s.Selector.MatchLabels = nil }), "selects every pod"},
		"no checks":       {contract(func(s *v1alpha1.StabilityContractSpec) { s.Checks = nil }), "checks"},
		"same name twice": {contract(func(s *v1alpha1.StabilityContractSpec) { s.Checks = append(s.Checks, s.Checks[0]) }), "Duplicate"},
		"interval":        {contract(func(s *v1alpha1.StabilityContractSpec) { s.Interval.Duration = time.Millisecond }), "from 1s to 1h"},
		"good policy":     {policy("cluster", func(*v1alpha1.StabilityPolicySpec) {}), ""},
		"another policy":  {policy("mine", func(*v1alpha1.StabilityPolicySpec) {}), "named cluster"},
		"hour above day":  {policy("cluster", func(s *v1alpha1.StabilityPolicySpec) { s.Budgets.PerDay, s.Budgets.PerHour = &five, &six }), "no more than the one above"},
		"ladder": {policy("cluster", func(s *v1alpha1.StabilityPolicySpec) {
			s.Ladder = []v1alpha1.Rung{{Strike: 1, Action: "Notify"}, {Strike: 1, Action: "Restart"}}
		}), "same strike"},
	} {
		err := plane.client.Create(t.Context(), test.object, client.DryRunAll)
		if (err == nil) != (test.words == "") || err != nil && !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v, want %q", name, err, test.words)
		}
	}
}
