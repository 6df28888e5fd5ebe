package controller

import (
	"context"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/act"
	"github.com/falsifiable/stability/operator/internal/intake"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Recorder writes reports into the status of their contracts. Any number of operators may do so at once.
type Recorder struct {
	Client client.Client
	Reader client.Reader // not a cache: what is written over must be what is there
	Clock  *act.Clock
}

// Write puts the reports of one contract into its status, in one write.
func (w *Recorder) Write(ctx context.Context, key intake.Key, reports []intake.Report) []error {
	errs := make([]error, len(reports))
	all := func(err error) []error {
		for i := range errs {
			if errs[i] == nil {
				errs[i] = err
			}
		}
		return errs
	}
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		var c v1alpha1.StabilityContract
		if err := w.Reader.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Contract}, &c); err != nil {
			return err
		}
		selector, err := metav1.LabelSelectorAsSelector(&c.Spec.Selector)
		if err != nil {
			return err
		}
		changed := false
		for i, r := range reports {
			if errs[i] = w.identify(ctx, &r, selector); errs[i] == nil {
				changed = intake.Merge(&c.Status, r, w.Clock.Server()) || changed
			}
		}
		if !changed {
			return nil
		}
		return w.Client.Status().Update(ctx, &c)
	})
	if apierrors.IsNotFound(err) {
		err = intake.ErrNotFound
	}
	return all(err)
}

// identify compares a report with the pod that it is about, as the cache has it: it must be the one that the token is bound to,
// and one that the contract selects, which a quarantined pod is no longer.
func (w *Recorder) identify(ctx context.Context, r *intake.Report, selector labels.Selector) error {
	var pod corev1.Pod
	if err := w.Client.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: r.Pod}, &pod); err != nil {
		if apierrors.IsNotFound(err) {
			return intake.ErrNotFound
		}
		return err
	}
	if r.UID == "" {
		r.UID = string(pod.UID)
	}
	if string(pod.UID) != r.UID || !selector.Matches(labels.Set(pod.Labels)) || pod.Labels[v1alpha1.LabelQuarantined] != "" {
		return intake.ErrNotFound
	}
	return nil
}
