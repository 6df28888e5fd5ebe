package controller

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/trial"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// A Job of trials is in another namespace than its Falsification, which therefore cannot own it: labelOf has the Falsification's UID,
// annotationOf its namespace and name, and the finalizer sees to it that the Jobs go with it.
const (
	labelOf      = "stability.falsifiable.dev/of"
	annotationOf = "stability.falsifiable.dev/falsification"
	finalizer    = "stability.falsifiable.dev/trials"
)

// annotationWanted has the hash of the spec that a CronJob was last given.
const annotationWanted = "stability.falsifiable.dev/wanted"

// lookAgain is how often a schedule's trials are made anew of their workload, as it is then.
const lookAgain = 10 * time.Minute

// keepTrial is how long a trial without a schedule is kept for people to look at.
const keepTrial = 24 * time.Hour

// FalsificationReconciler has Kubernetes run trials, as Jobs and CronJobs, and notes what came of them.
type FalsificationReconciler struct {
	client.Client
	// Reader must not be a cache, which holds no more of a pod than who it is.
	Reader client.Reader
	// Namespace is that of the trials.
	Namespace string
	Events    events.EventRecorder
}

// Reconcile plans the trials of one Falsification.
func (r *FalsificationReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var f v1alpha1.Falsification
	if err := r.Get(ctx, request.NamespacedName, &f); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if f.DeletionTimestamp != nil {
		return ctrl.Result{}, r.leave(ctx, &f)
	}
	if controllerutil.AddFinalizer(&f, finalizer) {
		return ctrl.Result{}, r.Update(ctx, &f)
	}
	before := f.DeepCopy()
	planned, err := r.plan(ctx, &f)
	if err != nil {
		return ctrl.Result{}, err
	}
	meta.SetStatusCondition(&f.Status.Conditions, planned)
	if err := r.look(ctx, &f); err != nil {
		return ctrl.Result{}, err
	}
	f.Status.ObservedGeneration = f.Generation
	if !equality.Semantic.DeepEqual(before.Status, f.Status) {
		err = r.Status().Update(ctx, &f)
	}
	return ctrl.Result{RequeueAfter: lookAgain}, err
}

// plan makes the Job or the CronJob. What a person must mend is in the condition.
func (r *FalsificationReconciler) plan(ctx context.Context, f *v1alpha1.Falsification) (metav1.Condition, error) {
	not := func(reason string, err error) (metav1.Condition, error) {
		return metav1.Condition{Type: v1alpha1.ConditionScheduled, Status: metav1.ConditionFalse, Reason: reason, Message: err.Error(), ObservedGeneration: f.Generation}, nil
	}
	pod, err := r.template(ctx, f)
	if apierrors.IsNotFound(err) {
		return not("NoWorkload", err)
	} else if err != nil {
		return metav1.Condition{}, err
	}
	spec, behind, err := trial.Spec(f, pod)
	if err != nil {
		return not("NoWorkload", err)
	}
	if f.Spec.Schedule == "" {
		err = r.once(ctx, f, spec)
	} else {
		err = r.schedule(ctx, f, spec)
	}
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) { // such as a schedule that cannot be read, or a quota that is spent
		return not("Refused", err)
	}
	words := "one trial, and another when this changes"
	if f.Spec.Schedule != "" {
		words = "trials by the schedule " + f.Spec.Schedule
	}
	if len(behind) > 0 {
		words += "; without the variables whose value is not in the pod template: " + strings.Join(behind, ", ")
	}
	return metav1.Condition{Type: v1alpha1.ConditionScheduled, Status: metav1.ConditionTrue, Reason: "Planned", Message: words, ObservedGeneration: f.Generation}, err
}

// template returns the pods of the workload, as they are to be now.
func (r *FalsificationReconciler) template(ctx context.Context, f *v1alpha1.Falsification) (corev1.PodSpec, error) {
	key := types.NamespacedName{Namespace: f.Namespace, Name: f.Spec.Workload.Name}
	if f.Spec.Workload.Kind == "StatefulSet" {
		var s appsv1.StatefulSet
		err := r.Reader.Get(ctx, key, &s)
		return s.Spec.Template.Spec, err
	}
	var d appsv1.Deployment
	err := r.Reader.Get(ctx, key, &d)
	return d.Spec.Template.Spec, err
}

// about is how an object of a trial is known.
func (r *FalsificationReconciler) about(f *v1alpha1.Falsification, suffix string) metav1.ObjectMeta {
	sum := sha256.Sum256([]byte(f.UID))
	return metav1.ObjectMeta{Namespace: r.Namespace, Name: fmt.Sprintf("falsify-%x%s", sum[:6], suffix), Labels: map[string]string{labelOf: string(f.UID)},
		Annotations: map[string]string{annotationOf: f.Namespace + "/" + f.Name}}
}

// once makes the trial of this generation, unless it has been.
func (r *FalsificationReconciler) once(ctx context.Context, f *v1alpha1.Falsification, spec batchv1.JobSpec) error {
	spec.TTLSecondsAfterFinished = ptr.To(int32(keepTrial.Seconds()))
	job := &batchv1.Job{ObjectMeta: r.about(f, fmt.Sprintf("-%d", f.Generation)), Spec: spec}
	if last := f.Status.Last; last != nil && last.Job == job.Name {
		return nil
	}
	if err := r.unschedule(ctx, f); err != nil {
		return err
	}
	return client.IgnoreAlreadyExists(r.Create(ctx, job))
}

// schedule makes the CronJob, or changes it to what it should be. The API server fills in what a spec leaves out, so that the two are
// never equal: it is as it should be when it was made of this spec, and has nothing of it otherwise.
func (r *FalsificationReconciler) schedule(ctx context.Context, f *v1alpha1.Falsification, spec batchv1.JobSpec) error {
	about := r.about(f, "")
	want := batchv1.CronJobSpec{Schedule: f.Spec.Schedule, ConcurrencyPolicy: batchv1.ForbidConcurrent, SuccessfulJobsHistoryLimit: ptr.To(int32(1)), FailedJobsHistoryLimit: ptr.To(int32(1)),
		JobTemplate: batchv1.JobTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: about.Labels, Annotations: about.Annotations}, Spec: spec}}
	text, err := json.Marshal(want)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	hash := hex.EncodeToString(sum[:8])
	cron := &batchv1.CronJob{ObjectMeta: *about.DeepCopy()}
	_, err = controllerutil.CreateOrUpdate(ctx, r.Client, cron, func() error {
		if cron.Annotations[annotationWanted] == hash && equality.Semantic.DeepDerivative(want, cron.Spec) {
			return nil
		}
		if cron.Spec = want; cron.Annotations == nil {
			cron.Annotations = map[string]string{}
		}
		cron.Annotations[annotationWanted] = hash
		return nil
	})
	return err
}

// unschedule takes the CronJob away, if there is one, and with it the Jobs that it has made.
func (r *FalsificationReconciler) unschedule(ctx context.Context, f *v1alpha1.Falsification) error {
	return client.IgnoreNotFound(r.Delete(ctx, &batchv1.CronJob{ObjectMeta: r.about(f, "")}, client.PropagationPolicy(metav1.DeletePropagationBackground)))
}

// look notes the latest trial, and what it proves. One that runs proves nothing yet, and takes nothing back.
func (r *FalsificationReconciler) look(ctx context.Context, f *v1alpha1.Falsification) error {
	var jobs batchv1.JobList
	if err := r.List(ctx, &jobs, client.InNamespace(r.Namespace), client.MatchingLabels{labelOf: string(f.UID)}); err != nil || len(jobs.Items) == 0 {
		return err
	}
	latest := slices.MaxFunc(jobs.Items, func(a, b batchv1.Job) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	var pods corev1.PodList
	if err := r.Reader.List(ctx, &pods, client.InNamespace(r.Namespace), client.MatchingLabels{batchv1.JobNameLabel: latest.Name}); err != nil {
		return err
	}
	now := trial.Read(&latest, pods.Items)
	was := f.Status.Last
	f.Status.Last = &now
	if now.Ended == nil {
		return nil
	}
	condition := metav1.Condition{Type: v1alpha1.ConditionProven, Status: metav1.ConditionUnknown, Reason: now.Verdict, Message: now.Message, ObservedGeneration: f.Generation}
	switch now.Verdict {
	case trial.Proven:
		condition.Status, condition.Message = metav1.ConditionTrue, "every check was"
	case trial.Refuted:
		condition.Status = metav1.ConditionFalse
	}
	meta.SetStatusCondition(&f.Status.Conditions, condition)
	if was == nil || was.Job != now.Job || was.Verdict != now.Verdict {
		kind := corev1.EventTypeWarning
		if now.Verdict == trial.Proven {
			kind = corev1.EventTypeNormal
		}
		r.Events.Eventf(f, &latest, kind, now.Verdict, "Falsify", "%s: %s", now.Job, clip(cmp.Or(now.Message, condition.Message), 900))
	}
	return nil
}

// leave takes the trials away with their Falsification.
func (r *FalsificationReconciler) leave(ctx context.Context, f *v1alpha1.Falsification) error {
	if err := r.unschedule(ctx, f); err != nil {
		return err
	}
	var jobs batchv1.JobList
	if err := r.List(ctx, &jobs, client.InNamespace(r.Namespace), client.MatchingLabels{labelOf: string(f.UID)}); err != nil {
		return err
	}
	for i := range jobs.Items {
		if err := client.IgnoreNotFound(r.Delete(ctx, &jobs.Items[i], client.PropagationPolicy(metav1.DeletePropagationBackground))); err != nil {
			return err
		}
	}
	if controllerutil.RemoveFinalizer(f, finalizer) {
		return r.Update(ctx, f)
	}
	return nil
}

// SetupWithManager makes it run for Falsifications, and for the Jobs of their trials.
func (r *FalsificationReconciler) SetupWithManager(m ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(m).For(&v1alpha1.Falsification{}).Named("falsification").
		Watches(&batchv1.Job{}, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
			namespace, name, ours := strings.Cut(o.GetAnnotations()[annotationOf], "/")
			if !ours {
				return nil
			}
			return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}}
		})).Complete(r)
}
