//go:build e2e

package e2e

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// asking returns a place whose contract asks for an action, with its operator at work.
func asking(t *testing.T, action string, policy v1alpha1.StabilityPolicySpec) *place {
	t.Helper()
	p := newPlace(t, policy)
	c := p.contract()
	p.change(&c, func() { c.Spec.Action = action })
	p.operate(plane.config)
	p.wait("the contract is accepted", func() bool { return p.contract().Status.Pods.Watched == 3 })
	return p
}

func (p *place) create(o client.Object) {
	p.Helper()
	o.SetNamespace(p.ns)
	if err := plane.client.Create(p.Context(), o); err != nil {
		p.Fatal(err)
	}
}

// change changes an object as it is now, whoever else writes it.
func (p *place) change(o client.Object, change func()) {
	p.Helper()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := plane.client.Get(p.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			return err
		}
		change()
		return plane.client.Update(p.Context(), o)
	})
	if err != nil {
		p.Fatal(err)
	}
}

func (p *place) delete(o client.Object) {
	p.Helper()
	if err := plane.client.Delete(p.Context(), o); err != nil {
		p.Fatal(err)
	}
}

func (p *place) deployment() appsv1.Deployment {
	p.Helper()
	var d appsv1.Deployment
	if err := plane.client.Get(p.Context(), types.NamespacedName{Namespace: p.ns, Name: "pay"}, &d); err != nil {
		p.Fatal(err)
	}
	return d
}

// disruptions makes a PodDisruptionBudget under which so many pods stay, and waits until it has been worked out.
func (p *place) disruptions(stay int) *policyv1.PodDisruptionBudget {
	p.Helper()
	b := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "pay"}, Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: ptr.To(intstr.FromInt(stay)),
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "pay"}}}}
	p.create(b)
	p.wait("the disruption controller has counted", func() bool {
		err := plane.client.Get(p.Context(), types.NamespacedName{Namespace: p.ns, Name: "pay"}, b)
		return err == nil && b.Status.ObservedGeneration == b.Generation && b.Status.CurrentHealthy == 3
	})
	return b
}

// decided waits until it has been decided so about a pod that violates.
func (p *place) decided(reason string) {
	p.Helper()
	p.wait("the decision is "+reason, func() bool {
		c := p.contract()
		return len(c.Status.Violating) == 1 && strings.HasPrefix(c.Status.Violating[0].Decision, reason+":")
	})
}

// A pod is not restarted where a PodDisruptionBudget would break, and is where it would not.
func TestRestartKeepsTheDisruptionBudget(t *testing.T) {
	p := asking(t, "Restart", acting())
	sick := p.pods("pay")[0]
	token, since := p.token(sick, "stability"), time.Now()
	three := p.disruptions(3)
	p.reported(token, violation(3, since))
	p.decided("DisruptionBudget")
	p.delete(three)
	p.disruptions(2)
	p.report(token, violation(4, since)) // or it is gone by now, and its token with it
	p.wait("it is replaced", func() bool {
		for _, pod := range p.all() {
			if pod.UID == sick.UID {
				return false
			}
		}
		return len(p.pods("pay")) == 3
	})
	p.wait("and the ledger says so", func() bool { l := p.ledger(); return len(l) == 1 && l[0].Phase == "Ended" && l[0].Applied != nil })
}

// A Deployment is not scaled where an autoscaler or a PodDisruptionBudget stands against it. Where none does, it is, and gets its
// replicas back; unless a person has changed them meanwhile.
func TestScaleToOneGivesBack(t *testing.T) {
	policy := acting()
	policy.AllowScaleToOne, policy.TTL.Duration = true, 5*time.Second
	p := asking(t, "ScaleToOne", policy)
	since, token := time.Now(), p.token(p.pods("pay")[0], "stability")
	scaler := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: "pay"}, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 9,
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "pay"}}}
	p.create(scaler)
	p.reported(token, violation(3, since))
	p.decided("Autoscaled")
	two := p.disruptions(2) // there is no moment at which nothing stands against it
	p.delete(scaler)
	p.reported(token, violation(4, since))
	p.decided("DisruptionBudget")
	p.delete(two)
	p.reported(token, violation(5, since))
	p.wait("it has one replica", func() bool { return *p.deployment().Spec.Replicas == 1 })
	p.wait("it has three again", func() bool { return *p.deployment().Spec.Replicas == 3 && len(p.pods("pay")) == 3 })
	p.wait("the ledger says so", func() bool { l := p.ledger(); return len(l) == 1 && l[0].Phase == "Ended" && !l[0].ByPerson })

	p.reported(p.token(p.pods("pay")[0], "stability"), violation(3, time.Now()))
	p.wait("it has one replica again", func() bool { return *p.deployment().Spec.Replicas == 1 })
	d := p.deployment()
	p.change(&d, func() { d.Spec.Replicas = ptr.To(int32(2)) })
	p.wait("the ledger says that a person ended it", func() bool { l := p.ledger(); return len(l) == 2 && l[1].Phase == "Ended" && l[1].ByPerson })
	if n := *p.deployment().Spec.Replicas; n != 2 {
		t.Errorf("a person wanted two replicas, and there are %d", n)
	}
}

// A person takes a pod out of quarantine by hand, without a word to the operator: it stays out.
func TestAPersonsChangeWins(t *testing.T) {
	p := asking(t, "", acting())
	sick := p.pods("pay")[0]
	token := p.token(sick, "stability")
	p.reported(token, violation(3, time.Now()))
	p.wait("the pod is quarantined", func() bool { return len(p.quarantined()) == 1 })
	held := p.quarantined()[0]
	p.change(&held, func() {
		delete(held.Labels, v1alpha1.LabelQuarantined)
		maps.Copy(held.Labels, sick.Labels)
	})
	p.wait("the ledger says that a person ended it", func() bool { l := p.ledger(); return len(l) == 1 && l[0].Phase == "Ended" && l[0].ByPerson })
	p.wait("the ReplicaSet has three", func() bool { return len(p.all()) == 3 && len(p.pods("pay")) == 3 })
	for _, pod := range p.pods("pay") {
		if pod.UID == sick.UID {
			p.reported(token, violation(4, time.Now()))
			p.decided("HandsOff")
		}
	}
	if n := len(p.quarantined()); n != 0 {
		t.Errorf("%d pods are quarantined against a person's will", n)
	}
}

// The one that is left alone stays as it is, and that it recovered is counted against the action.
func TestTheControlIsLeftAlone(t *testing.T) {
	policy := acting()
	policy.ControlOneOf = ptr.To(int32(1))
	p := asking(t, "", policy)
	token, since := p.token(p.pods("pay")[0], "stability"), time.Now()
	p.reported(token, violation(3, since))
	p.decided("Control")
	if n := len(p.quarantined()); n != 0 {
		t.Errorf("%d pods are quarantined", n)
	}
	p.recover(token, violation(3, since))
	p.wait("its recovery is counted", func() bool {
		e := p.contract().Status.Effect
		return e == v1alpha1.Effect{Control: 1, ControlRecovered: 1, FalseFireRate: "100 % of 1"}
	})
}
