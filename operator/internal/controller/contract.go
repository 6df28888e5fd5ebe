// Package controller has the reconcilers: one judges contracts and renders them, one acts upon violations.
package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/act"
	"github.com/falsifiable/stability/operator/internal/contracts"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// again is how often a contract is looked at that nothing has changed of: contracts of one namespace fight over pods that come later.
const again = time.Minute

// ContractReconciler compiles contracts, renders each into a ConfigMap of its name with the prefix stability-, and counts its pods.
type ContractReconciler struct{ client.Client }

// Reconcile judges one contract.
func (r *ContractReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var c v1alpha1.StabilityContract
	if err := r.Get(ctx, request.NamespacedName, &c); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if c.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	before := c.DeepCopy()
	pods, err := r.pods(ctx, c.Namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	selected, warnings, problem := r.judge(ctx, &c, pods)
	condition := metav1.Condition{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: "Compiled", ObservedGeneration: c.Generation,
		Message: fmt.Sprintf("%d checks are watched on %d pods", len(c.Spec.Checks), len(selected))}
	if len(warnings) > 0 {
		condition.Reason, condition.Message = "CompiledWithWarnings", strings.Join(warnings, "\n")
	}
	if p, ok := problem.(*contracts.Problem); ok {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, p.Reason, p.Message
	} else if problem != nil {
		return ctrl.Result{}, problem
	} else if err := r.render(ctx, &c); err != nil {
		return ctrl.Result{}, err
	}
	if len(condition.Message) > 32<<10 {
		condition.Message = condition.Message[:32<<10]
	}
	meta.SetStatusCondition(&c.Status.Conditions, condition)
	proven, err := r.proven(ctx, &c, selected)
	if err != nil {
		return ctrl.Result{}, err
	}
	meta.SetStatusCondition(&c.Status.Conditions, proven)
	c.Status.ObservedGeneration = c.Generation
	r.count(&c, pods, selected)
	if equality.Semantic.DeepEqual(before.Status, c.Status) {
		return ctrl.Result{RequeueAfter: again}, nil
	}
	if err := r.Status().Update(ctx, &c); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: again}, nil
}

// pods returns those of a namespace that could be watched.
func (r *ContractReconciler) pods(ctx context.Context, namespace string) (all []contracts.Pod, err error) {
	var list corev1.PodList
	if err := r.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	for i := range list.Items {
		if p := &list.Items[i]; p.Labels[v1alpha1.LabelQuarantined] == "" && p.DeletionTimestamp == nil {
			all = append(all, contracts.Pod{Name: p.Name, UID: string(p.UID), Workload: act.OwnerOf(p), Labels: p.Labels})
		}
	}
	return all, nil
}

// judge compiles a contract and compares it with the older ones of its namespace.
func (r *ContractReconciler) judge(ctx context.Context, c *v1alpha1.StabilityContract, pods []contracts.Pod) ([]contracts.Pod, []string, error) {
	compiled, err := contracts.Compile(c)
	if err != nil {
		return nil, nil, err
	}
	selected, err := compiled.Select(pods)
	if err != nil {
		return nil, nil, err
	}
	var others v1alpha1.StabilityContractList
	if err := r.List(ctx, &others, client.InNamespace(c.Namespace)); err != nil {
		return nil, nil, err
	}
	for i := range others.Items {
		o := &others.Items[i]
		if o.Name == c.Name || !older(o, c) {
			continue
		}
		if other, err := contracts.Compile(o); err == nil {
			if err := contracts.Fight(compiled, other, selected); err != nil {
				return nil, nil, err
			}
		}
	}
	return selected, compiled.Warnings, nil
}

// proven says what the last trials of the selected pods' workload came to. One that refutes outweighs others that prove.
func (r *ContractReconciler) proven(ctx context.Context, c *v1alpha1.StabilityContract, selected []contracts.Pod) (metav1.Condition, error) {
	proof := metav1.Condition{Type: v1alpha1.ConditionProven, Status: metav1.ConditionUnknown, Reason: "Untried", Message: "no Falsification of the workload has come to an end", ObservedGeneration: c.Generation}
	var list v1alpha1.FalsificationList
	if err := r.List(ctx, &list, client.InNamespace(c.Namespace)); err != nil {
		return proof, err
	}
	// The cache lists in no order: unsorted, of two that say the same now one and now the other would be written.
	slices.SortFunc(list.Items, func(a, b v1alpha1.Falsification) int { return cmp.Compare(a.Name, b.Name) })
	for i := range list.Items {
		f := &list.Items[i]
		workload := cmp.Or(f.Spec.Workload.Kind, "Deployment") + "/" + f.Spec.Workload.Name
		came := meta.FindStatusCondition(f.Status.Conditions, v1alpha1.ConditionProven)
		if came == nil || !slices.ContainsFunc(selected, func(p contracts.Pod) bool { return p.Workload == workload }) {
			continue
		}
		if came.Status == metav1.ConditionFalse || proof.Status == metav1.ConditionUnknown {
			proof.Status, proof.Reason, proof.Message = came.Status, came.Reason, fmt.Sprintf("Falsification %s: %s", f.Name, came.Message)
		}
	}
	return proof, nil
}

func older(a, b *v1alpha1.StabilityContract) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.Name < b.Name
}

// render writes the ConfigMap. A contract that is not accepted leaves the last one that was.
func (r *ContractReconciler) render(ctx context.Context, c *v1alpha1.StabilityContract) error {
	text, err := contracts.Render(c)
	if err != nil {
		return err
	}
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: "stability-" + c.Name}}
	_, err = controllerutil.CreateOrUpdate(ctx, r.Client, m, func() error {
		m.Data = map[string]string{contracts.File: text}
		return controllerutil.SetControllerReference(c, m, r.Scheme())
	})
	return err
}

// count puts numbers of pods into the status, and takes violations out of it whose pod is no longer watched.
func (r *ContractReconciler) count(c *v1alpha1.StabilityContract, all, selected []contracts.Pod) {
	uids := map[string]bool{}
	for _, p := range selected {
		uids[p.UID] = true
	}
	if selected != nil || all != nil && meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionAccepted) {
		c.Status.Violating = slices.DeleteFunc(c.Status.Violating, func(v v1alpha1.PodViolation) bool { return !uids[v.UID] })
	}
	violated := map[string]bool{}
	for _, v := range c.Status.Violating {
		violated[v.UID] = true
	}
	c.Status.Pods = v1alpha1.PodCounts{Watched: int32(len(selected)), Violated: int32(len(violated)), Quarantined: c.Status.Pods.Quarantined}
}

// SetupWithManager makes it run for contracts, and for the pods and the Falsifications of their namespace.
func (r *ContractReconciler) SetupWithManager(m ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(m).For(&v1alpha1.StabilityContract{}).Named("contract").
		Owns(&corev1.ConfigMap{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(r.beside)).
		Watches(&v1alpha1.Falsification{}, handler.EnqueueRequestsFromMapFunc(r.beside)).Complete(r)
}

// beside are the contracts of an object's namespace.
func (r *ContractReconciler) beside(ctx context.Context, o client.Object) (out []reconcile.Request) {
	var list v1alpha1.StabilityContractList
	if err := r.List(ctx, &list, client.InNamespace(o.GetNamespace())); err != nil {
		return nil
	}
	for i := range list.Items {
		out = append(out, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: list.Items[i].Namespace, Name: list.Items[i].Name}})
	}
	return out
}
