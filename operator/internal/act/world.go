package act

import (
	"context"
	"fmt"
	"strings"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/budget"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// OwnerOf names the workload of a pod, Kind/name, "" for a pod of nobody. The Deployment above a ReplicaSet is known by the name
// that it gives, without reading it.
func OwnerOf(pod *corev1.Pod) string {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return ""
	}
	if hash := pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]; owner.Kind == "ReplicaSet" && hash != "" {
		if name, ok := strings.CutSuffix(owner.Name, "-"+hash); ok {
			return "Deployment/" + name
		}
	}
	return owner.Kind + "/" + owner.Name
}

// workload is what was read of one, and what budget wants to know.
type workload struct {
	budget.Workload
	selector labels.Selector
	object   client.Object
}

// readWorkload reads a workload, its pods and what protects them. Every read is of now and not of a cache.
func readWorkload(ctx context.Context, r client.Reader, namespace, name string, pod *corev1.Pod) (*workload, error) {
	w, err := readOwner(ctx, r, namespace, name)
	if err != nil {
		return nil, err
	}
	var pods corev1.PodList
	if err := r.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: w.selector}); err != nil {
		return nil, fmt.Errorf("act: reading the pods of %s: %w", name, err)
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; ready(p) && OwnerOf(p) == name {
			w.Ready++
			w.TargetUp = w.TargetUp || pod != nil && p.UID == pod.UID
		}
	}
	if err := w.readBudgets(ctx, r, namespace, pods.Items, pod); err != nil {
		return nil, err
	}
	var scalers autoscalingv2.HorizontalPodAutoscalerList
	if err := r.List(ctx, &scalers, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("act: reading the HorizontalPodAutoscalers: %w", err)
	}
	for _, s := range scalers.Items {
		w.Autoscaled = w.Autoscaled || s.Spec.ScaleTargetRef.Kind+"/"+s.Spec.ScaleTargetRef.Name == name
	}
	var ns corev1.Namespace
	if err := r.Get(ctx, types.NamespacedName{Name: namespace}, &ns); err != nil {
		return nil, fmt.Errorf("act: reading the namespace: %w", err)
	}
	w.HandsOff = w.HandsOff || ns.Annotations[v1alpha1.AnnotationHandsOff] != "" || w.object.GetAnnotations()[v1alpha1.AnnotationHandsOff] != "" || untouchable(pod)
	w.Known = true
	return w, nil
}

func readOwner(ctx context.Context, r client.Reader, namespace, workloadName string) (*workload, error) {
	kind, name, _ := strings.Cut(workloadName, "/")
	key := types.NamespacedName{Namespace: namespace, Name: name}
	w := &workload{}
	var replicas *int32
	var selector *metav1.LabelSelector
	var err error
	switch kind {
	case "Deployment":
		var d appsv1.Deployment
		err = r.Get(ctx, key, &d)
		w.object, replicas, selector = &d, d.Spec.Replicas, d.Spec.Selector
	case "ReplicaSet":
		var s appsv1.ReplicaSet
		err = r.Get(ctx, key, &s)
		w.object, replicas, selector = &s, s.Spec.Replicas, s.Spec.Selector
	case "StatefulSet":
		var s appsv1.StatefulSet
		err = r.Get(ctx, key, &s)
		w.object, replicas, selector = &s, s.Spec.Replicas, s.Spec.Selector
	default:
		return nil, fmt.Errorf("act: %q is no workload that is acted upon: only Deployment, ReplicaSet and StatefulSet are", workloadName)
	}
	if err != nil {
		return nil, fmt.Errorf("act: reading %s: %w", workloadName, err)
	}
	if w.Wanted = 1; replicas != nil {
		w.Wanted = int(*replicas)
	}
	w.selector, err = metav1.LabelSelectorAsSelector(selector)
	return w, err
}

// readBudgets takes the least that a PodDisruptionBudget allows: by its status, and by the pods as they were read, because its
// status comes later than what we did ourselves.
func (w *workload) readBudgets(ctx context.Context, r client.Reader, namespace string, pods []corev1.Pod, pod *corev1.Pod) error {
	var budgets policyv1.PodDisruptionBudgetList
	if err := r.List(ctx, &budgets, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("act: reading the PodDisruptionBudgets: %w", err)
	}
	for _, b := range budgets.Items {
		selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		if err != nil || pod == nil || !selector.Matches(labels.Set(pod.Labels)) {
			continue
		}
		healthy := int32(0)
		for i := range pods {
			if ready(&pods[i]) && selector.Matches(labels.Set(pods[i].Labels)) {
				healthy++
			}
		}
		allows := int(min(b.Status.DisruptionsAllowed, healthy-b.Status.DesiredHealthy))
		if b.Status.ObservedGeneration != b.Generation {
			allows = 0 // nobody has worked it out yet
		}
		if w.PDBs == 0 || allows < w.PDBAllows {
			w.PDBAllows = allows
		}
		w.PDBs++
	}
	return nil
}

func ready(p *corev1.Pod) bool {
	if p.DeletionTimestamp != nil || p.Labels[v1alpha1.LabelQuarantined] != "" {
		return false
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// untouchable reports whether a person keeps actions off a pod: by annotation, or by having undone one.
func untouchable(p *corev1.Pod) bool {
	if p == nil {
		return false
	}
	bore, _, _ := strings.Cut(p.Annotations[v1alpha1.AnnotationBore], " ")
	ended, person, _ := strings.Cut(p.Annotations[v1alpha1.AnnotationEnded], " ")
	return p.Annotations[v1alpha1.AnnotationHandsOff] != "" || p.Annotations[v1alpha1.AnnotationRestore] != "" || person != "" ||
		bore != "" && p.Labels[v1alpha1.LabelQuarantined] == "" && ended != bore
}

// ReadWorkload returns what is to be known of a pod's workload before an action is decided upon.
func ReadWorkload(ctx context.Context, r client.Reader, namespace, name string, pod *corev1.Pod) (budget.Workload, error) {
	w, err := readWorkload(ctx, r, namespace, name, pod)
	if err != nil {
		return budget.Workload{}, err
	}
	return w.Workload, nil
}
