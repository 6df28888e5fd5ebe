package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FalsificationSpec is what is tried, how thoroughly and when.
type FalsificationSpec struct {
	// Workload is what the trial is a copy of: it has the resources of the workload's container, and its environment as far as
	// that is written in the pod template. Secrets, ConfigMaps, volumes and the service account stay behind.
	Workload WorkloadReference `json:"workload"`
	// Image has the source of the service, the modules that it needs, Go, and the command stability. There is no network in a trial.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image"`
	// Directory of the service's main package in the image, relative to its working directory.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('-')",message="must be a directory, not a flag"
	// +kubebuilder:default="."
	// +optional
	Directory string `json:"directory,omitempty"`
	// Tier is how thoroughly: Quick takes minutes, Nightly hours.
	// +kubebuilder:validation:Enum=Quick;PR;Nightly
	// +kubebuilder:default=Quick
	// +optional
	Tier string `json:"tier,omitempty"`
	// Schedule is when, in the five fields of cron. Without it a trial is run once, and again when this spec changes.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Schedule string `json:"schedule,omitempty"`
	// Deadline is how long a trial may take.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('24h')",message="must be from 1m to 24h"
	// +kubebuilder:default="2h"
	// +optional
	Deadline metav1.Duration `json:"deadline,omitempty,omitzero"`
	// Resources replace those of the workload's container, which may be too small to compile in.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// WorkloadReference names a workload of the same namespace.
type WorkloadReference struct {
	// +kubebuilder:validation:Enum=Deployment;StatefulSet
	// +kubebuilder:default=Deployment
	// +optional
	Kind string `json:"kind,omitempty"`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Container of its pods; the first by default.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Container string `json:"container,omitempty"`
}

// The conditions of a Falsification.
const (
	// ConditionScheduled: its trial is there or planned.
	ConditionScheduled = "Scheduled"
	// ConditionProven: in the last trial that ended, every check was.
	ConditionProven = "Proven"
)

// FalsificationStatus is what came of it.
type FalsificationStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Last is the latest trial.
	// +optional
	Last *Trial `json:"last,omitempty"`
}

// Trial is one run of stability falsify.
type Trial struct {
	// Job in the namespace of trials.
	Job     string      `json:"job"`
	Started metav1.Time `json:"started"`
	// +optional
	Ended *metav1.Time `json:"ended,omitempty"`
	// Verdict is Running, Proven, Refuted, Inconclusive, or Failed for a trial that could not be made.
	// +kubebuilder:validation:Enum=Running;Proven;Refuted;Inconclusive;Failed
	Verdict string `json:"verdict"`
	// Message is the end of what it printed, when not every check was proven.
	// +optional
	Message string `json:"message,omitempty"`
}

// Falsification tries to prove the contracts of a workload wrong, on a copy of it that is alone in a namespace of trials.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=stf,categories=stability
// +kubebuilder:printcolumn:name="Workload",type=string,JSONPath=`.spec.workload.name`
// +kubebuilder:printcolumn:name="Tier",type=string,JSONPath=`.spec.tier`
// +kubebuilder:printcolumn:name="Schedule",type=string,JSONPath=`.spec.schedule`
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.status.last.verdict`
// +kubebuilder:printcolumn:name="Ended",type=date,JSONPath=`.status.last.ended`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Falsification struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              FalsificationSpec `json:"spec"`
	// +optional
	Status FalsificationStatus `json:"status,omitempty"`
}

// FalsificationList is a list of Falsifications.
// +kubebuilder:object:root=true
type FalsificationList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Falsification `json:"items"`
}
