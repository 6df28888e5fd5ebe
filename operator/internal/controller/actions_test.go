package controller

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/act"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

var errKilled = errors.New("the operator was killed")

// cluster is an API server in memory, which keeps the condition that an object is still what was read, and an operator that
// can be killed at any of its writes. That a ReplicaSet replaces what is taken from it is tried on the real one, in test/e2e.
type cluster struct {
	*testing.T
	client client.WithWatch
	now    time.Time
	clock  *act.Clock
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c := &cluster{T: t, now: time.Unix(1_700_000_000, 0)}
	c.clock = &act.Clock{Now: func() time.Time { return c.now }}
	labels := map[string]string{"app": "pay", "pod-template-hash": "6f7", "team": "money"}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "pay", "pod-template-hash": "6f7"}}
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "pay-6f7", UID: "set"}, Spec: appsv1.ReplicaSetSpec{Selector: selector}}
	policy := &v1alpha1.StabilityPolicy{ObjectMeta: metav1.ObjectMeta{Name: PolicyName}, Spec: v1alpha1.StabilityPolicySpec{Mode: "Act", AfterTTL: "Restore", TTL: metav1.Duration{Duration: 3 * time.Minute}}}
	contract := &v1alpha1.StabilityContract{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "pay"}, Spec: v1alpha1.StabilityContractSpec{Mode: "enforce"},
		Status: v1alpha1.StabilityContractStatus{Pods: v1alpha1.PodCounts{Watched: 3}, Conditions: []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue}},
			Violating: []v1alpha1.PodViolation{{Pod: "pay-0", UID: "u0", Check: "leak", Strike: 3, Value: "2000", Threshold: "1000", Proven: true, Source: "pod",
				Since: metav1.NewTime(c.now.Add(-time.Minute)), Reported: metav1.NewTime(c.now)}}}}
	objects := []client.Object{set, policy, contract, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "pay"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "pay"}}},
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "pay"}, Spec: appsv1.DeploymentSpec{Replicas: ptr.To(int32(3)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "pay"}}}}}
	for i := range 3 {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprintf("pay-%d", i), UID: types.UID(fmt.Sprintf("u%d", i)), Labels: map[string]string{},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: set.Name, UID: set.UID, Controller: ptr.To(true)}}},
			Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}}
		for k, v := range labels {
			pod.Labels[k] = v
		}
		objects = append(objects, pod)
	}
	c.client = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(policy, contract).WithObjects(objects...).Build()
	return c
}

// operator returns one that dies at its n-th write, before it or, late, after it; never for n 0.
func (c *cluster) operator(n int, late bool) (*ActionReconciler, *bool) {
	killed, writes := new(bool), 0
	write := func(call func() error) error {
		if *killed {
			return errKilled
		}
		if writes++; writes != n {
			return call()
		}
		*killed = true
		if late {
			if err := call(); err != nil {
				c.Log("the last write:", err)
			}
		}
		return errKilled
	}
	mortal := interceptor.NewClient(c.client, interceptor.Funcs{
		Patch: func(ctx context.Context, w client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return write(func() error { return w.Patch(ctx, o, p, opts...) })
		},
		SubResourceUpdate: func(ctx context.Context, w client.Client, name string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			return write(func() error { return w.SubResource(name).Update(ctx, o, opts...) })
		},
		Delete: func(ctx context.Context, w client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return write(func() error { return w.Delete(ctx, o, opts...) })
		},
	})
	return &ActionReconciler{Client: mortal, Reader: mortal, Clock: c.clock, Events: events.NewFakeRecorder(1000)}, killed
}

// rounds lets an operator work, with a little time between its rounds.
func (c *cluster) rounds(r *ActionReconciler, n int) {
	c.Helper()
	for range n {
		c.hear()
		if _, err := r.Reconcile(c.Context(), ctrl.Request{}); err != nil && !errors.Is(err, errKilled) {
			c.Fatal(err)
		}
		c.now = c.now.Add(10 * time.Second)
	}
}

type answering func(*http.Request) (*http.Response, error)

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// hear lets the clock hear of the API server.
func (c *cluster) hear() {
	dated := c.clock.Wrap(answering(func(*http.Request) (*http.Response, error) {
		return &http.Response{Header: http.Header{"Date": {c.now.UTC().Format(http.TimeFormat)}}}, nil
	}))
	if _, err := dated.RoundTrip(nil); err != nil {
		c.Fatal(err)
	}
}

func (c *cluster) pod() corev1.Pod {
	var p corev1.Pod
	if err := c.client.Get(c.Context(), types.NamespacedName{Namespace: "shop", Name: "pay-0"}, &p); err != nil {
		c.Fatal(err)
	}
	return p
}

// decision is what the contract says of the pod that violates it.
func (c *cluster) decision() string {
	var k v1alpha1.StabilityContract
	if err := c.client.Get(c.Context(), types.NamespacedName{Namespace: "shop", Name: "pay"}, &k); err != nil {
		c.Fatal(err)
	}
	return k.Status.Violating[0].Decision
}

func (c *cluster) actions() []v1alpha1.ActionStatus {
	var p v1alpha1.StabilityPolicy
	if err := c.client.Get(c.Context(), types.NamespacedName{Name: PolicyName}, &p); err != nil {
		c.Fatal(err)
	}
	return p.Status.Actions
}

// An operator is killed at each of its writes, before it and after it, and another goes on. The pod is quarantined, once, and
// restored as it was when its time is over.
func TestKilledAtAnyWrite(t *testing.T) {
	for _, late := range []bool{false, true} {
		through := false
		for n := 1; !through; n++ {
			if n > 30 {
				t.Fatal("an action takes more than 30 writes")
			}
			t.Run(fmt.Sprintf("late=%v,write=%d", late, n), func(t *testing.T) {
				c := newCluster(t)
				first, killed := c.operator(n, late)
				c.rounds(first, 4)
				second, _ := c.operator(0, false)
				c.rounds(second, 4)
				held := c.pod()
				if held.Labels[v1alpha1.LabelQuarantined] == "" || held.Labels["app"] != "" || held.Labels["team"] != "money" {
					t.Fatalf("the pod has %v; the ledger is %+v", held.Labels, c.actions())
				}
				if told := c.decision(); !strings.HasPrefix(told, "Granted: Quarantine: strike 3") {
					t.Errorf("people are told %q", told)
				}
				c.now = c.now.Add(3 * time.Minute)
				c.rounds(second, 3)
				back, ledger := c.pod(), c.actions()
				if back.Labels[v1alpha1.LabelQuarantined] != "" || back.Labels["app"] != "pay" || back.Labels["pod-template-hash"] != "6f7" {
					t.Errorf("the pod has %v afterwards", back.Labels)
				}
				if len(ledger) != 1 || ledger[0].Phase != "Ended" || ledger[0].Applied == nil || ledger[0].ByPerson {
					t.Errorf("the ledger is %+v", ledger)
				}
				through = !*killed
			})
			if t.Failed() {
				return
			}
		}
	}
}

// Reports come in all the time, so that the contract is never what it was when it was read. What is granted is done all the same.
func TestReportsThatNeverCeaseHoldUpNoAction(t *testing.T) {
	c := newCluster(t)
	r, _ := c.operator(0, false)
	r.Client = interceptor.NewClient(c.client, interceptor.Funcs{
		SubResourceUpdate: func(ctx context.Context, w client.Client, name string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			if _, reported := o.(*v1alpha1.StabilityContract); reported {
				return apierrors.NewConflict(schema.GroupResource{Resource: "stabilitycontracts"}, o.GetName(), errors.New("a report was written"))
			}
			return w.SubResource(name).Update(ctx, o, opts...)
		},
	})
	c.rounds(r, 4)
	if held := c.pod(); held.Labels[v1alpha1.LabelQuarantined] == "" {
		t.Errorf("the pod is not quarantined; the ledger is %+v", c.actions())
	}
}

// More first strikes of another contract than are decided upon in a round keep no third strike waiting.
func TestAThirdStrikeDoesNotWaitBehindFirstOnes(t *testing.T) {
	c := newCluster(t)
	crowd := &v1alpha1.StabilityContract{ObjectMeta: metav1.ObjectMeta{Namespace: "crowd", Name: "crowd"}, Status: v1alpha1.StabilityContractStatus{Pods: v1alpha1.PodCounts{Watched: 1000}}}
	for i := range 2 * maxAsks {
		crowd.Status.Violating = append(crowd.Status.Violating, v1alpha1.PodViolation{Pod: fmt.Sprint("p", i), UID: fmt.Sprint("c", i), Check: "leak", Strike: 1, Value: "2", Source: "pod",
			Since: metav1.NewTime(c.now), Reported: metav1.NewTime(c.now)})
	}
	if err := c.client.Create(t.Context(), crowd); err != nil {
		t.Fatal(err)
	}
	r, _ := c.operator(0, false)
	c.rounds(r, 2)
	if held := c.pod(); held.Labels[v1alpha1.LabelQuarantined] == "" {
		t.Errorf("the pod is not quarantined; the ledger is %+v", c.actions())
	}
}

// A person takes the label off: it stays off, and nothing is done there again.
func TestAPersonsChangeStays(t *testing.T) {
	c := newCluster(t)
	r, _ := c.operator(0, false)
	c.rounds(r, 3)
	pod := c.pod()
	delete(pod.Labels, v1alpha1.LabelQuarantined)
	if err := c.client.Update(t.Context(), &pod); err != nil {
		t.Fatal(err)
	}
	c.rounds(r, 5)
	if l, p := c.actions(), c.pod(); len(l) != 1 || !l[0].ByPerson || l[0].Phase != "Ended" || p.Labels[v1alpha1.LabelQuarantined] != "" || p.Labels["app"] != "" {
		t.Errorf("the ledger is %+v, the pod has %v", l, p.Labels)
	}
}

// Each of these lets nothing begin.
func TestNothingBegins(t *testing.T) {
	for name, change := range map[string]func(c *cluster, policy *v1alpha1.StabilityPolicy, contract *v1alpha1.StabilityContract){
		"paused":  func(_ *cluster, p *v1alpha1.StabilityPolicy, _ *v1alpha1.StabilityContract) { p.Spec.Paused = true },
		"dry run": func(_ *cluster, p *v1alpha1.StabilityPolicy, _ *v1alpha1.StabilityContract) { p.Spec.Mode = "" },
		"floor": func(_ *cluster, p *v1alpha1.StabilityPolicy, _ *v1alpha1.StabilityContract) {
			p.Spec.MinAvailablePercent = 100
		},
		"observing": func(_ *cluster, _ *v1alpha1.StabilityPolicy, s *v1alpha1.StabilityContract) { s.Spec.Mode = "observe" },
		"not accepted": func(_ *cluster, _ *v1alpha1.StabilityPolicy, s *v1alpha1.StabilityContract) {
			s.Status.Conditions[0].Status = "False"
		},
		"not proven": func(_ *cluster, _ *v1alpha1.StabilityPolicy, s *v1alpha1.StabilityContract) {
			s.Status.Violating[0].Proven = false
		},
		"second strike": func(_ *cluster, _ *v1alpha1.StabilityPolicy, s *v1alpha1.StabilityContract) {
			s.Status.Violating[0].Strike = 2
		},
		"another pod": func(_ *cluster, _ *v1alpha1.StabilityPolicy, s *v1alpha1.StabilityContract) {
			s.Status.Violating[0].UID = "u9"
		},
		"no permission": func(_ *cluster, _ *v1alpha1.StabilityPolicy, s *v1alpha1.StabilityContract) {
			s.Spec.Action = "ScaleToOne"
		},
		"storm": func(_ *cluster, _ *v1alpha1.StabilityPolicy, s *v1alpha1.StabilityContract) {
			other := s.Status.Violating[0]
			other.Pod, other.UID = "pay-1", "u1"
			s.Status.Violating = append(s.Status.Violating, other)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			var p v1alpha1.StabilityPolicy
			var s v1alpha1.StabilityContract
			if err := errors.Join(c.client.Get(t.Context(), types.NamespacedName{Name: PolicyName}, &p), c.client.Get(t.Context(), types.NamespacedName{Namespace: "shop", Name: "pay"}, &s)); err != nil {
				t.Fatal(err)
			}
			change(c, &p, &s)
			status := s.Status
			if err := errors.Join(c.client.Update(t.Context(), &p), c.client.Update(t.Context(), &s)); err != nil {
				t.Fatal(err)
			}
			s.Status = status
			if err := c.client.Status().Update(t.Context(), &s); err != nil {
				t.Fatal(err)
			}
			r, _ := c.operator(0, false)
			c.rounds(r, 4)
			if pod := c.pod(); pod.Labels[v1alpha1.LabelQuarantined] != "" || pod.Labels["app"] != "pay" {
				t.Errorf("the pod has %v", pod.Labels)
			}
		})
	}
}
