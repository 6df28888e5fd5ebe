// Package trial makes the Job by which a Falsification is tried, and reads what came of it. It is pure.
package trial

import (
	"fmt"
	"slices"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// container is the name of the one container of a trial, and scratch where it may write.
const (
	container = "falsify"
	scratch   = "/tmp"
)

// Spec returns the Job of a trial of the container of a pod, and the names of the variables that stay behind: those whose value
// is in a Secret or a ConfigMap. Of one that is taken in whole only its own name is known.
func Spec(f *v1alpha1.Falsification, pod corev1.PodSpec) (spec batchv1.JobSpec, behind []string, err error) {
	original, err := choose(pod.Containers, f.Spec.Workload.Container)
	if err != nil {
		return spec, nil, err
	}
	// First ours, then the service's own: of two of a name the later one holds.
	env := []corev1.EnvVar{{Name: "HOME", Value: scratch}}
	for _, v := range original.Env {
		if from := v.ValueFrom; from != nil && from.FieldRef == nil && from.ResourceFieldRef == nil {
			behind = append(behind, v.Name)
			continue
		}
		if from := v.ValueFrom; from != nil && from.ResourceFieldRef != nil {
			v.ValueFrom = &corev1.EnvVarSource{ResourceFieldRef: from.ResourceFieldRef.DeepCopy()}
			v.ValueFrom.ResourceFieldRef.ContainerName = container
		}
		env = append(env, v)
	}
	for _, from := range original.EnvFrom {
		if from.SecretRef != nil {
			behind = append(behind, "all of Secret "+from.SecretRef.Name)
		}
		if from.ConfigMapRef != nil {
			behind = append(behind, "all of ConfigMap "+from.ConfigMapRef.Name)
		}
	}
	directory := f.Spec.Directory
	if directory == "" {
		directory = "."
	}
	one := corev1.Container{
		Name: container, Image: f.Spec.Image, Env: env, Resources: *original.Resources.DeepCopy(),
		Command:      []string{"stability", "falsify", tier(f.Spec.Tier), "-no-proof", "-out", scratch + "/falsify-report", directory},
		VolumeMounts: []corev1.VolumeMount{{Name: "scratch", MountPath: scratch}},
		// The end of what it prints says which check was refuted, and how.
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		SecurityContext:          &corev1.SecurityContext{AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
	}
	if f.Spec.Resources != nil {
		one.Resources = *f.Spec.Resources.DeepCopy()
	}
	spec = batchv1.JobSpec{BackoffLimit: ptr.To(int32(0)), Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: ptr.To(false), EnableServiceLinks: ptr.To(false),
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(int64(65532)), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Containers:      []corev1.Container{one},
		Volumes:         []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
	}}}
	if d := f.Spec.Deadline.Duration; d > 0 {
		spec.ActiveDeadlineSeconds = ptr.To(int64(d.Seconds()))
	}
	return spec, behind, nil
}

func choose(all []corev1.Container, name string) (*corev1.Container, error) {
	at := slices.IndexFunc(all, func(c corev1.Container) bool { return name == "" || c.Name == name })
	if at < 0 {
		return nil, fmt.Errorf("spec.workload.container: the workload's pods have no container %q", name)
	}
	return &all[at], nil
}

func tier(name string) string {
	switch name {
	case "PR":
		return "-pr"
	case "Nightly":
		return "-nightly"
	}
	return "-quick"
}

// The verdicts on a trial.
const (
	Running      = "Running"
	Proven       = "Proven"
	Refuted      = "Refuted"
	Inconclusive = "Inconclusive"
	Failed       = "Failed"
)

// Read returns what came of a Job, by the exit code of stability falsify in one of its pods.
func Read(job *batchv1.Job, pods []corev1.Pod) v1alpha1.Trial {
	t := v1alpha1.Trial{Job: job.Name, Started: job.CreationTimestamp, Verdict: Running}
	if job.Status.StartTime != nil {
		t.Started = *job.Status.StartTime
	}
	for _, c := range job.Status.Conditions {
		if c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) {
			t.Ended, t.Verdict, t.Message = ptr.To(c.LastTransitionTime), Failed, c.Message
		}
	}
	if t.Ended == nil {
		return t
	}
	for i := range pods {
		p := &pods[i]
		if !metav1.IsControlledBy(p, job) {
			continue
		}
		for _, c := range p.Status.ContainerStatuses {
			if end := c.State.Terminated; c.Name == container && end != nil {
				t.Verdict, t.Message = verdict(end), end.Message
				return t
			}
		}
	}
	return t
}

// verdict takes the exit code as stability falsify documents it. One that was killed has none of these.
func verdict(end *corev1.ContainerStateTerminated) string {
	switch end.ExitCode {
	case 0:
		return Proven
	case 1:
		return Refuted
	case 3:
		return Inconclusive
	}
	return Failed
}
