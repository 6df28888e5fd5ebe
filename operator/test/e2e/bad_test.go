//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Each contract that cannot be meant is refused by a condition that says why. The webhook, which would refuse one of them at once, is
// away.
func TestEachBadContractSaysWhy(t *testing.T) {
	p := newPlace(t, acting())
	p.operate(plane.config)
	p.wait("the good contract is accepted", func() bool { return p.contract().Status.Pods.Watched == 3 })
	// Of another workload, with a label that all pods of the namespace have.
	d := p.deployment()
	other := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Spec: *d.Spec.DeepCopy()}
	other.Spec.Selector.MatchLabels = map[string]string{"app": "other"}
	other.Spec.Template.Labels = map[string]string{"app": "other", "team": "money"}
	p.create(other)
	for name, bad := range map[string]struct {
		change        func(*v1alpha1.StabilityContractSpec)
		reason, words string
	}{
		"typing":     {func(s *v1alpha1.StabilityContractSpec) { s.Checks[0].Expr = "go.goroutine.cuont > 1" }, "DoesNotCompile", "^^^"},
		"nothing":    {func(s *v1alpha1.StabilityContractSpec) { s.Selector.MatchLabels["app"] = "nobody" }, "SelectsNothing", "nothing is watched"},
		"everything": {func(s *v1alpha1.StabilityContractSpec) { s.Selector.MatchLabels = map[string]string{"team": "money"} }, "SelectsEverything", "of 2 workloads"},
		"fighting":   {func(s *v1alpha1.StabilityContractSpec) { s.Checks[0].Expr = "go.goroutine.count < 2000" }, "Fights", "no value pleases both"},
	} {
		c := &v1alpha1.StabilityContract{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.StabilityContractSpec{Mode: "enforce", Interval: metav1.Duration{Duration: time.Minute},
			Selector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "pay"}}, Checks: []v1alpha1.Check{{Name: "leak", Expr: "go.goroutine.count > 1000"}}}}
		bad.change(&c.Spec)
		time.Sleep(time.Second) // of two contracts that fight the younger is refused, and creation times are of whole seconds
		p.create(c)
		p.waitFor(name+" is refused: "+bad.reason, func() bool {
			if err := plane.client.Get(t.Context(), client.ObjectKeyFromObject(c), c); err != nil {
				t.Fatal(err)
			}
			why := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionAccepted)
			return why != nil && why.Status == metav1.ConditionFalse && why.Reason == bad.reason && strings.Contains(why.Message, bad.words)
		}, func() { t.Log(c.Status) })
		p.delete(c)
	}
	p.delete(other)
	if c := p.contract(); !meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionAccepted) {
		t.Errorf("the good one is %+v", c.Status)
	}
}

// late makes the API server's clock an hour slow, as the operator reads it.
type late struct{ next http.RoundTripper }

func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.next.RoundTrip(r)
	if err == nil {
		answer.Header.Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
	}
	return answer, err
}

// Where the clocks are an hour apart nothing is begun, and the policy says so.
func TestAClockAnHourOffFreezes(t *testing.T) {
	p := newPlace(t, acting())
	cfg := rest.CopyConfig(plane.config)
	cfg.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return late{next} }
	p.operate(cfg)
	p.wait("the contract is accepted", func() bool { return p.contract().Status.Pods.Watched == 3 })
	if got := p.report(p.token(p.pods("pay")[0], "stability"), violation(3, time.Now())); got != 200 {
		t.Fatal(got)
	}
	p.decided("ClockSkewed")
	var policy v1alpha1.StabilityPolicy
	p.wait("the policy says why", func() bool {
		err := plane.client.Get(t.Context(), types.NamespacedName{Name: "cluster"}, &policy)
		why := meta.FindStatusCondition(policy.Status.Conditions, "Ready")
		return err == nil && why != nil && why.Status == metav1.ConditionFalse && why.Reason == "ClockSkewed" && strings.Contains(why.Message, "nothing is begun")
	})
	if n := len(p.quarantined()); n != 0 || len(p.ledger()) != 0 {
		t.Errorf("%d pods are quarantined, and entered is %+v", n, p.ledger())
	}
}

// A pod speaks for itself, whatever it says: what it reports is listed under its own name. A post without end is cut off.
func TestAPodSpeaksOnlyForItself(t *testing.T) {
	p := newPlace(t, acting())
	p.operate(plane.config)
	p.wait("the contract is accepted", func() bool { return p.contract().Status.Pods.Watched == 3 })
	sick := p.pods("pay")[0]
	token := p.token(sick, "stability")
	big := violation(1, time.Now())
	big.Expr = strings.Repeat("x", 100<<20)
	if got := p.report(token, big); got == 200 {
		t.Error("100 MB were taken")
	}
	if got := p.report(token+"x", violation(3, time.Now())); got != 401 {
		t.Errorf("a token that is none: %d", got)
	}
	p.report(token, violation(1, time.Now()))
	p.wait("one is listed", func() bool { return len(p.contract().Status.Violating) == 1 })
	if v := p.contract().Status.Violating[0]; v.UID != string(sick.UID) || v.Strike != 1 {
		t.Errorf("listed is %+v", v)
	}
	p.delete(&sick)
	p.wait("it is replaced", func() bool { return len(p.pods("pay")) == 3 && len(p.all()) == 3 })
	p.waitFor("the token of a pod that is gone is none", func() bool { return p.report(token, violation(3, time.Now())) != 200 }, p.dump)
}
