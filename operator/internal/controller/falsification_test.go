package controller

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// trialling is a Falsification of a Deployment on an API server in memory. That Jobs have pods, and that a schedule which cannot be
// read is refused, is tried on the real one, in test/e2e.
type trialling struct {
	*testing.T
	r *FalsificationReconciler
	f *v1alpha1.Falsification
}

func newTrialling(t *testing.T) *trialling {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	f := &v1alpha1.Falsification{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "pay", UID: "f", Generation: 1},
		Spec: v1alpha1.FalsificationSpec{Image: "pay-source", Workload: v1alpha1.WorkloadReference{Name: "pay"}}}
	workload := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "pay"}}
	workload.Spec.Template.Spec.Containers = []corev1.Container{{Name: "pay", Env: []corev1.EnvVar{{Name: "KEY", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{}}}}}}
	c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(f).WithObjects(f, workload).Build()
	return &trialling{t, &FalsificationReconciler{Client: c, Reader: c, Namespace: "trials", Events: events.NewFakeRecorder(100)}, f}
}

// round reconciles twice, the first time for the finalizer, and returns what there is then.
func (t *trialling) round() (v1alpha1.FalsificationStatus, []batchv1.Job, []batchv1.CronJob) {
	t.Helper()
	for range 2 {
		if _, err := t.r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(t.f)}); err != nil {
			t.Fatal(err)
		}
	}
	var jobs batchv1.JobList
	var crons batchv1.CronJobList
	err := errors.Join(t.r.List(t.Context(), &jobs), t.r.List(t.Context(), &crons), client.IgnoreNotFound(t.r.Get(t.Context(), client.ObjectKeyFromObject(t.f), t.f)))
	if err != nil {
		t.Fatal(err)
	}
	return t.f.Status, jobs.Items, crons.Items
}

func (t *trialling) change(change func(*v1alpha1.FalsificationSpec)) {
	t.Helper()
	change(&t.f.Spec)
	t.f.Generation++
	if err := t.r.Update(t.Context(), t.f); err != nil {
		t.Fatal(err)
	}
}

// rewrite changes the CronJob, as others may.
func (t *trialling) rewrite(change func(*batchv1.CronJobSpec)) {
	t.Helper()
	_, _, crons := t.round()
	change(&crons[0].Spec)
	if err := t.r.Update(t.Context(), &crons[0]); err != nil {
		t.Fatal(err)
	}
}

func TestATrialForEachSpec(test *testing.T) {
	t := newTrialling(test)
	status, jobs, _ := t.round()
	scheduled := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionScheduled)
	if len(jobs) != 1 || jobs[0].Namespace != "trials" || status.Last.Verdict != "Running" || scheduled == nil || !strings.Contains(scheduled.Message, "KEY") {
		t.Fatalf("%d jobs, %+v", len(jobs), status)
	}
	jobs[0].Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "trials", Name: "p", Labels: map[string]string{batchv1.JobNameLabel: jobs[0].Name}}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "falsify", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}}
	if err := errors.Join(ctrl.SetControllerReference(&jobs[0], pod, t.r.Scheme()), t.r.Create(t.Context(), pod), t.r.Status().Update(t.Context(), &jobs[0])); err != nil {
		t.Fatal(err)
	}
	if status, jobs, _ = t.round(); len(jobs) != 1 || status.Last.Verdict != "Proven" || !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionProven) {
		t.Errorf("%d jobs, %+v", len(jobs), status)
	}
	t.change(func(s *v1alpha1.FalsificationSpec) { s.Tier = "PR" })
	if _, jobs, _ = t.round(); len(jobs) != 2 {
		t.Errorf("after a change there are %d jobs", len(jobs))
	}
}

func TestASchedulesTrials(test *testing.T) {
	t := newTrialling(test)
	t.change(func(s *v1alpha1.FalsificationSpec) { s.Schedule = "0 3 * * *" })
	if _, jobs, crons := t.round(); len(crons) != 1 || len(jobs) != 0 || crons[0].Spec.JobTemplate.Labels[labelOf] != "f" {
		t.Fatalf("%d jobs, %d schedules", len(jobs), len(crons))
	}
	_, _, before := t.round()
	t.change(func(s *v1alpha1.FalsificationSpec) { s.Tier = "Nightly" })
	if _, _, after := t.round(); len(after) != 1 || after[0].ResourceVersion == before[0].ResourceVersion || after[0].Spec.JobTemplate.Spec.Template.Spec.Containers[0].Command[2] != "-nightly" {
		t.Errorf("the schedule is %+v", after)
	}
	t.rewrite(func(s *batchv1.CronJobSpec) { // as the API server fills in
		s.Suspend, s.JobTemplate.Spec.Template.Spec.TerminationGracePeriodSeconds = ptr.To(false), ptr.To(int64(30))
	})
	_, _, before = t.round()
	if _, _, after := t.round(); after[0].ResourceVersion != before[0].ResourceVersion || after[0].Spec.Suspend == nil {
		t.Error("a schedule that is as it should be is written again")
	}
	t.rewrite(func(s *batchv1.CronJobSpec) { s.Schedule = "* * * * *" })
	if _, _, after := t.round(); after[0].Spec.Schedule != "0 3 * * *" {
		t.Errorf("the schedule is %s, which the Falsification does not have", after[0].Spec.Schedule)
	}
	t.change(func(s *v1alpha1.FalsificationSpec) { s.Deadline.Duration = time.Hour })
	t.round()
	t.change(func(s *v1alpha1.FalsificationSpec) { s.Deadline.Duration = 0 })
	if _, _, after := t.round(); after[0].Spec.JobTemplate.Spec.ActiveDeadlineSeconds != nil {
		t.Error("a deadline that was taken back stays in the schedule")
	}
	if err := t.r.Delete(t.Context(), t.f); err != nil {
		t.Fatal(err)
	}
	if _, jobs, crons := t.round(); len(jobs) != 0 || len(crons) != 0 {
		t.Errorf("%d jobs and %d schedules are left", len(jobs), len(crons))
	}
	if err := t.r.Get(t.Context(), client.ObjectKeyFromObject(t.f), t.f); !apierrors.IsNotFound(err) {
		t.Errorf("the Falsification is still there: %v", err)
	}
}

func TestATrialOfNothing(test *testing.T) {
	t := newTrialling(test)
	t.change(func(s *v1alpha1.FalsificationSpec) { s.Workload.Name = "yap" })
	status, jobs, _ := t.round()
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionScheduled); len(jobs) != 0 || c == nil || c.Reason != "NoWorkload" {
		t.Errorf("%d jobs, %+v", len(jobs), status)
	}
}
