package trial

import (
	"slices"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// payment is a pod that has what must not come into a trial.
func payment() corev1.PodSpec {
	return corev1.PodSpec{ServiceAccountName: "payment", NodeName: "n", HostNetwork: true, Volumes: []corev1.Volume{{Name: "keys"}},
		Containers: []corev1.Container{{Name: "proxy", Image: "proxy"}, {
			Name: "pay", Image: "pay", Command: []string{"/pay"}, VolumeMounts: []corev1.VolumeMount{{Name: "keys", MountPath: "/keys"}},
			EnvFrom:   []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "s"}}}},
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}},
			Env: []corev1.EnvVar{{Name: "GOGC", Value: "50"},
				{Name: "PASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "k"}}},
				{Name: "FLAGS", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{Key: "k"}}},
				{Name: "GOMEMLIMIT", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{ContainerName: "pay", Resource: "limits.memory"}}}}}}}
}

func TestTheCopyIsAlone(t *testing.T) {
	f := &v1alpha1.Falsification{Spec: v1alpha1.FalsificationSpec{Image: "pay-source", Directory: "./cmd/pay", Tier: "PR", Workload: v1alpha1.WorkloadReference{Name: "pay", Container: "pay"},
		Deadline: metav1.Duration{Duration: time.Hour}}}
	job, behind, err := Spec(f, payment())
	if err != nil {
		t.Fatal(err)
	}
	pod := job.Template.Spec
	if pod.ServiceAccountName != "" || pod.HostNetwork || pod.NodeName != "" || len(pod.Volumes) != 1 || pod.Volumes[0].EmptyDir == nil || *pod.AutomountServiceAccountToken {
		t.Errorf("the pod is %+v", pod)
	}
	one := pod.Containers[0]
	if want := []string{"stability", "falsify", "-pr", "-no-proof", "-out", "/tmp/falsify-report", "./cmd/pay"}; len(pod.Containers) != 1 || one.Image != "pay-source" || !slices.Equal(one.Command, want) || len(one.EnvFrom) != 0 {
		t.Errorf("the container is %+v", one)
	}
	var names []string
	for _, v := range one.Env {
		names = append(names, v.Name)
	}
	if want := []string{"HOME", "GOGC", "GOMEMLIMIT"}; !slices.Equal(names, want) || one.Env[2].ValueFrom.ResourceFieldRef.ContainerName != one.Name || !one.Resources.Limits.Memory().Equal(resource.MustParse("1Gi")) {
		t.Errorf("its environment is %+v, its limits %v", one.Env, one.Resources.Limits)
	}
	if want := []string{"PASSWORD", "FLAGS", "all of Secret s"}; !slices.Equal(behind, want) || *job.ActiveDeadlineSeconds != 3600 || *job.BackoffLimit != 0 {
		t.Errorf("left behind: %v; the job is %+v", behind, job)
	}
	f.Spec.Workload.Container = "apy"
	if _, _, err := Spec(f, payment()); err == nil {
		t.Error("a container that is not there")
	}
}

func TestWhatCameOfIt(t *testing.T) {
	now := metav1.NewTime(time.Unix(1_700_000_000, 0))
	done := batchv1.JobCondition{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now}
	failed := batchv1.JobCondition{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, LastTransitionTime: now, Message: "Job was active longer than specified deadline"}
	ended := func(code int32, words string) []corev1.Pod {
		return []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{UID: "j", Controller: ptr.To(true)}}},
			Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "falsify", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: words}}}}}}}
	}
	for name, test := range map[string]struct {
		conditions    []batchv1.JobCondition
		pods          []corev1.Pod
		verdict, word string
	}{
		"at work":              {nil, nil, Running, ""},
		"a pod that has ended": {nil, ended(0, ""), Running, ""}, // its Job has not yet counted it
		"proven":               {[]batchv1.JobCondition{done}, ended(0, ""), Proven, ""},
		"refuted":              {[]batchv1.JobCondition{failed}, ended(1, "leak: refuted"), Refuted, "leak: refuted"},
		"inconclusive":         {[]batchv1.JobCondition{failed}, ended(3, "no load"), Inconclusive, "no load"},
		"no such directory":    {[]batchv1.JobCondition{failed}, ended(2, "usage"), Failed, "usage"},
		"killed":               {[]batchv1.JobCondition{failed}, ended(137, ""), Failed, ""},
		"too long":             {[]batchv1.JobCondition{failed}, nil, Failed, failed.Message},
		"somebody else's pod":  {[]batchv1.JobCondition{failed}, []corev1.Pod{{Status: ended(0, "")[0].Status}}, Failed, failed.Message},
	} {
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "falsify-1", UID: "j"}, Status: batchv1.JobStatus{StartTime: &now, Conditions: test.conditions}}
		got := Read(job, test.pods)
		if got.Verdict != test.verdict || got.Message != test.word || got.Job != "falsify-1" || (got.Ended != nil) != (test.verdict != Running) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
