//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// falsify makes a Falsification of the place's Deployment.
func (p *place) falsify(change func(*v1alpha1.FalsificationSpec)) *v1alpha1.Falsification {
	p.Helper()
	f := &v1alpha1.Falsification{ObjectMeta: metav1.ObjectMeta{Name: "pay"}, Spec: v1alpha1.FalsificationSpec{Image: "pay-source", Directory: "./cmd/pay", Workload: v1alpha1.WorkloadReference{Name: "pay"}}}
	if change != nil {
		change(&f.Spec)
	}
	p.create(f)
	p.Cleanup(func() {
		_ = client.IgnoreNotFound(plane.client.Delete(context.WithoutCancel(p.Context()), f))
	})
	return f
}

func (p *place) falsification() v1alpha1.Falsification {
	p.Helper()
	var f v1alpha1.Falsification
	if err := plane.client.Get(p.Context(), types.NamespacedName{Namespace: p.ns, Name: "pay"}, &f); err != nil {
		p.Fatal(err)
	}
	return f
}

// ran waits for the pod of a Job and says, in the kubelet's place, how its container has ended.
func (p *place) ran(job string, code int32, words string) corev1.Pod {
	p.Helper()
	var pods corev1.PodList
	p.wait("the Job "+job+" has a pod", func() bool {
		return plane.client.List(p.Context(), &pods, client.InNamespace(trials), client.MatchingLabels{batchv1.JobNameLabel: job}) == nil && len(pods.Items) == 1
	})
	pod := pods.Items[0]
	pod.Status.Phase = corev1.PodSucceeded
	if code != 0 {
		pod.Status.Phase = corev1.PodFailed
	}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: pod.Spec.Containers[0].Name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: words}}}}
	if err := plane.client.Status().Update(p.Context(), &pod); err != nil {
		p.Fatal(err)
	}
	return pod
}

func (p *place) verdict(want string) {
	p.Helper()
	p.wait("the verdict is "+want, func() bool { f := p.falsification(); return f.Status.Last != nil && f.Status.Last.Verdict == want })
}

// A trial is run once for each spec, in a namespace of its own. What it comes to is in the status, and goes with its Falsification.
func TestATrialIsRunAndRead(t *testing.T) {
	p := newPlace(t, acting())
	p.operate(plane.config)
	f := p.falsify(nil)
	p.verdict("Running")
	pod := p.ran(p.falsification().Status.Last.Job, 1, "pay/leak: refuted")
	if pod.Namespace != trials || pod.Spec.ServiceAccountName != "" && pod.Spec.ServiceAccountName != "default" || len(pod.Spec.Containers) != 1 {
		t.Errorf("the trial's pod is %+v", pod.Spec)
	}
	p.verdict("Refuted")
	now := p.falsification()
	if c := meta.FindStatusCondition(now.Status.Conditions, v1alpha1.ConditionProven); c == nil || c.Status != metav1.ConditionFalse || c.Message != "pay/leak: refuted" {
		t.Errorf("the status is %+v", now.Status)
	}
	first := now.Status.Last.Job
	p.change(&now, func() { now.Spec.Tier = "PR" })
	p.wait("it is tried again", func() bool { return p.falsification().Status.Last.Job != first })
	p.ran(p.falsification().Status.Last.Job, 0, "")
	p.verdict("Proven")
	p.delete(f)
	p.wait("its trials go with it", func() bool {
		var jobs batchv1.JobList
		err := plane.client.List(t.Context(), &jobs, client.InNamespace(trials))
		return err == nil && len(jobs.Items) == 0
	})
}

// planAndLeave has every kind of trial planned, changed, and taken away.
func planAndLeave(p *place) {
	p.Helper()
	f := p.falsify(nil)
	p.verdict("Running")
	for _, schedule := range []string{"0 3 * * *", "0 4 * * *"} {
		now := p.falsification()
		p.change(&now, func() { now.Spec.Schedule = schedule })
		p.wait("there is a CronJob of "+schedule, func() bool {
			var crons batchv1.CronJobList
			return plane.client.List(p.Context(), &crons, client.InNamespace(trials)) == nil && len(crons.Items) == 1 && crons.Items[0].Spec.Schedule == schedule
		})
	}
	p.delete(f)
	p.wait("it is gone", func() bool {
		return apierrors.IsNotFound(plane.client.Get(p.Context(), client.ObjectKeyFromObject(f), f))
	})
}

// A schedule is a CronJob, made anew when the workload changes. One that cannot be read is refused in words.
func TestAScheduledTrial(t *testing.T) {
	p := newPlace(t, acting())
	p.operate(plane.config)
	f := p.falsify(func(s *v1alpha1.FalsificationSpec) { s.Schedule = "at night" })
	p.wait("the schedule is refused", func() bool {
		now := p.falsification()
		c := meta.FindStatusCondition(now.Status.Conditions, v1alpha1.ConditionScheduled)
		return c != nil && c.Status == metav1.ConditionFalse && strings.Contains(c.Message, "at night")
	})
	now := p.falsification()
	p.change(&now, func() { now.Spec.Schedule = "0 3 * * *" })
	var crons batchv1.CronJobList
	p.wait("there is a CronJob", func() bool {
		return plane.client.List(t.Context(), &crons, client.InNamespace(trials)) == nil && len(crons.Items) == 1 && crons.Items[0].Spec.Schedule == "0 3 * * *"
	})
	template := crons.Items[0].Spec.JobTemplate
	job := &batchv1.Job{ObjectMeta: template.ObjectMeta, Spec: template.Spec} // as kubectl create job --from does
	job.Namespace, job.Name = trials, "by-hand"
	if err := plane.client.Create(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	p.ran("by-hand", 3, "no load")
	p.verdict("Inconclusive")
	if c := meta.FindStatusCondition(p.falsification().Status.Conditions, v1alpha1.ConditionProven); c == nil || c.Status != metav1.ConditionUnknown {
		t.Errorf("an inconclusive trial proves %+v", c)
	}
	p.delete(f)
	p.wait("the CronJob goes with it", func() bool {
		return apierrors.IsNotFound(plane.client.Get(t.Context(), client.ObjectKeyFromObject(&crons.Items[0]), &batchv1.CronJob{}))
	})
}
