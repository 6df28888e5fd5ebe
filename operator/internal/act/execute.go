package act

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/budget"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Executor takes steps. Every read is by Reader, which must not be a cache; every write is on condition that the object is still
// what was read.
type Executor struct {
	Reader client.Reader
	Client client.Client
	Clock  *Clock
	// Healthy reports whether the violation that an entry is about is over.
	Healthy func(ctx context.Context, e budget.Entry) (bool, error)
	// Pulled reports whether the evidence of an entry is safe, or is not waited for any longer.
	Pulled func(ctx context.Context, e budget.Entry) (bool, error)
	// Say tells people of a step on an object, by an event.
	Say func(object client.Object, e budget.Entry, step budget.Step, why string)
}

// looked is what was read for one entry.
type looked struct {
	budget.Seen
	pod      *corev1.Pod
	workload *workload
	target   client.Object // what the action changes
}

// Step takes the next step of an entry and notes in the entry what came of it. It reports whether there may be another at once.
// The pending actions are of a ledger that was read before.
func (x *Executor) Step(ctx context.Context, p budget.Policy, e *budget.Entry, pending int) (more bool, err error) {
	l, err := x.look(ctx, *e)
	if err != nil {
		return false, err
	}
	l.Pending = pending
	now := x.Clock.Server()
	if now.IsZero() {
		return false, fmt.Errorf("act: %s: the API server's time is not known", e.ID)
	}
	step, why := budget.Next(p, *e, l.Seen, now)
	if step == budget.PullEvidence {
		if pulled, err := x.Pulled(ctx, *e); err != nil || !pulled {
			return false, err
		}
	}
	if err := x.do(ctx, *e, step, l); err != nil {
		return false, fmt.Errorf("act: %s of %s: %s: %w", e.Action, e.Target.Pod, step, err)
	}
	if x.Say != nil && l.target != nil && step != budget.Wait && step != budget.PullEvidence {
		x.Say(l.target, *e, step, why)
	}
	e.Note(step, why, l.Seen, now.Truncate(time.Second))
	return step != budget.Wait && step != budget.Delete, nil
}

func (x *Executor) look(ctx context.Context, e budget.Entry) (*looked, error) {
	l := &looked{}
	var err error
	if l.Healthy, err = x.Healthy(ctx, e); err != nil {
		return nil, err
	}
	var pod corev1.Pod
	switch err := x.Reader.Get(ctx, types.NamespacedName{Namespace: e.Target.Namespace, Name: e.Target.Pod}, &pod); {
	case apierrors.IsNotFound(err) || err == nil && string(pod.UID) != e.Target.UID:
	case err != nil:
		return nil, fmt.Errorf("act: reading pod %s: %w", e.Target.Pod, err)
	default:
		l.pod, l.target = &pod, &pod
	}
	if e.DryRun || e.Control || e.Phase == budget.Applied && e.Action != budget.ScaleToOne {
		l.see(e)
		return l, nil // the workload does not matter any more
	}
	l.workload, err = readWorkload(ctx, x.Reader, e.Target.Namespace, e.Target.Workload, l.pod)
	switch {
	case apierrors.IsNotFound(err):
		l.pod, l.target = nil, nil // nor is there anything to act upon
	case err != nil:
		return nil, err
	default:
		l.Workload = l.workload.Workload
		if e.Action == budget.ScaleToOne {
			l.target = l.workload.object
		}
	}
	l.see(e)
	return l, nil
}

// see reads what is written on the object.
func (l *looked) see(e budget.Entry) {
	if l.target == nil {
		return
	}
	a := l.target.GetAnnotations()
	var by string
	l.Found, l.Leaving = true, l.target.GetDeletionTimestamp() != nil
	l.Marked, l.Bore = l.target.GetLabels()[v1alpha1.LabelQuarantined], a[v1alpha1.AnnotationBore]
	l.Fenced, by, _ = strings.Cut(a[v1alpha1.AnnotationEnded], " ")
	l.ByPerson, l.Restore = by == "person", a[v1alpha1.AnnotationRestore] != ""
	if d, ok := l.target.(*appsv1.Deployment); ok && e.Phase == budget.Applied {
		l.Changed = d.Spec.Replicas == nil || *d.Spec.Replicas != 1
	}
}

func (x *Executor) do(ctx context.Context, e budget.Entry, step budget.Step, l *looked) error {
	switch step {
	case budget.Apply:
		switch e.Action {
		case budget.Quarantine:
			return x.quarantine(ctx, e, l)
		case budget.Restart:
			return x.evict(ctx, l.pod)
		case budget.ScaleToOne:
			return x.scale(ctx, e, l)
		}
		return fmt.Errorf("there is no action %q", e.Action)
	case budget.Fence:
		return x.annotate(ctx, l.target, v1alpha1.AnnotationEnded, e.ID)
	case budget.Undo:
		return x.undo(ctx, e, l)
	case budget.Delete:
		uid, version := l.pod.UID, l.pod.ResourceVersion
		return client.IgnoreNotFound(x.Client.Delete(ctx, l.pod, client.Preconditions{UID: &uid, ResourceVersion: &version}))
	}
	return nil
}

// patch writes a change on condition that the object is still what was read.
func (x *Executor) patch(ctx context.Context, object client.Object, change func()) error {
	before, ok := object.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("%T cannot be copied", object)
	}
	change()
	return x.Client.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

func set(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

func (x *Executor) annotate(ctx context.Context, object client.Object, key, value string) error {
	return x.patch(ctx, object, func() { object.SetAnnotations(set(object.GetAnnotations(), key, value)) })
}

// quarantine takes the labels off by which Services and the ReplicaSet know the pod.
func (x *Executor) quarantine(ctx context.Context, e budget.Entry, l *looked) error {
	keys := map[string]bool{}
	if owner := metav1.GetControllerOf(l.pod); owner == nil || owner.Kind != "ReplicaSet" {
		return fmt.Errorf("only a pod of a ReplicaSet is replaced while it lives on")
	} else {
		var set appsv1.ReplicaSet
		if err := x.Reader.Get(ctx, types.NamespacedName{Namespace: l.pod.Namespace, Name: owner.Name}, &set); err != nil {
			return err
		}
		for key := range set.Spec.Selector.MatchLabels {
			keys[key] = true
		}
		for _, r := range set.Spec.Selector.MatchExpressions {
			keys[r.Key] = true
		}
	}
	var services corev1.ServiceList
	if err := x.Reader.List(ctx, &services, client.InNamespace(l.pod.Namespace)); err != nil {
		return err
	}
	for _, s := range services.Items {
		if len(s.Spec.Selector) > 0 && labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(l.pod.Labels)) {
			for key := range s.Spec.Selector {
				keys[key] = true
			}
		}
	}
	taken := map[string]string{}
	for key := range keys {
		if v, ok := l.pod.Labels[key]; ok {
			taken[key] = v
		}
	}
	text, err := json.Marshal(taken)
	if err != nil {
		return err
	}
	return x.patch(ctx, l.pod, func() {
		for key := range taken {
			delete(l.pod.Labels, key)
		}
		l.pod.Labels = set(l.pod.Labels, v1alpha1.LabelQuarantined, e.ID)
		l.pod.Annotations = set(set(l.pod.Annotations, v1alpha1.AnnotationLabels, string(text)), v1alpha1.AnnotationBore, e.ID)
	})
}

// evict asks the API server, which keeps PodDisruptionBudgets itself.
func (x *Executor) evict(ctx context.Context, pod *corev1.Pod) error {
	uid, version := pod.UID, pod.ResourceVersion
	return client.IgnoreNotFound(x.Client.SubResource("eviction").Create(ctx, pod, &policyv1.Eviction{
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}}}))
}

func (x *Executor) scale(ctx context.Context, e budget.Entry, l *looked) error {
	d, ok := l.target.(*appsv1.Deployment)
	if !ok {
		return fmt.Errorf("only a Deployment is scaled")
	}
	return x.patch(ctx, d, func() {
		d.Annotations = set(set(d.Annotations, v1alpha1.AnnotationReplicas, strconv.Itoa(l.workload.Wanted)), v1alpha1.AnnotationBore, e.ID)
		d.Labels = set(d.Labels, v1alpha1.LabelQuarantined, e.ID)
		one := int32(1)
		d.Spec.Replicas = &one
	})
}

// undo puts back what the action changed and nobody has changed since.
func (x *Executor) undo(ctx context.Context, e budget.Entry, l *looked) error {
	ended := e.ID
	if l.Restore {
		ended += " person"
	}
	var was map[string]string
	replicas := 0
	if d, ok := l.target.(*appsv1.Deployment); ok {
		n, err := strconv.Atoi(d.Annotations[v1alpha1.AnnotationReplicas])
		if err != nil {
			return fmt.Errorf("annotation %s: %w", v1alpha1.AnnotationReplicas, err)
		}
		replicas = n
	} else if err := json.Unmarshal([]byte(l.target.GetAnnotations()[v1alpha1.AnnotationLabels]), &was); err != nil {
		return fmt.Errorf("annotation %s: %w", v1alpha1.AnnotationLabels, err)
	}
	return x.patch(ctx, l.target, func() {
		if d, ok := l.target.(*appsv1.Deployment); ok {
			n := int32(replicas)
			d.Spec.Replicas = &n
		}
		to, a := l.target.GetLabels(), l.target.GetAnnotations()
		delete(to, v1alpha1.LabelQuarantined)
		for key, value := range was {
			if _, there := to[key]; !there {
				to[key] = value
			}
		}
		delete(a, v1alpha1.AnnotationLabels)
		delete(a, v1alpha1.AnnotationReplicas)
		l.target.SetLabels(to)
		l.target.SetAnnotations(set(a, v1alpha1.AnnotationEnded, ended))
	})
}
