package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// StabilityContractSpec is what the selected pods promise.
type StabilityContractSpec struct {
	// Selector selects the pods, of the same namespace, that the contract is for. An empty one, which would select every pod, is refused.
	// +kubebuilder:validation:XValidation:rule="(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)",message="an empty selector selects every pod of the namespace: name the labels of the service's pods"
	Selector metav1.LabelSelector `json:"selector"`

	// Mode is observe, which never acts, or enforce.
	// +kubebuilder:validation:Enum=observe;enforce
	// +kubebuilder:default=observe
	// +optional
	Mode string `json:"mode,omitempty"`

	// Interval between two evaluations.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="must be from 1s to 1h"
	// +kubebuilder:default="30s"
	// +optional
	Interval metav1.Duration `json:"interval,omitempty,omitzero"`

	// Checks are the conditions that must not hold.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +listType=map
	// +listMapKey=name
	Checks []Check `json:"checks"`

	// Signals declares what the service itself measures, beyond the standard signals, so that expressions may name it.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Signals []Signal `json:"signals,omitempty"`

	// Action replaces the ladder's action when the contract's checks reach that step. It must be one that the policy permits.
	// +kubebuilder:validation:Enum=Quarantine;Restart;ScaleToOne
	// +optional
	Action string `json:"action,omitempty"`
}

// Check is one condition. True means that the promise is broken.
type Check struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9_.-]+$`
	Name string `json:"name"`
	// Expr is the violation condition, in the contract language.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Expr string `json:"expr"`
	// For is how long it must hold before the check is violated.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must not be negative"
	// +optional
	For *metav1.Duration `json:"for,omitempty"`
	// KeepFiringFor is how long it must not hold before the check is holding again.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must not be negative"
	// +optional
	KeepFiringFor *metav1.Duration `json:"keepFiringFor,omitempty"`
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Severity string `json:"severity,omitempty"`
	// Cause names the root cause in the catalogue that the check exists for.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Cause string `json:"cause,omitempty"`
}

// Signal is the declaration of something that a service measures.
type Signal struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name"`
	// +kubebuilder:validation:Enum=gauge;counter;collection;time
	Kind string `json:"kind"`
	// Unit is what the number measures; count by default.
	// +kubebuilder:validation:Enum=count;bytes;seconds;ratio
	// +optional
	Unit string `json:"unit,omitempty"`
	// Labels by which instances differ.
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Labels []string `json:"labels,omitempty"`
}

// The conditions of a StabilityContract, beside ConditionProven: what the last trials of its workload came to.
const (
	// ConditionAccepted: it compiles, selects something and not everything, and fights with no other.
	ConditionAccepted = "Accepted"
	// ConditionFrozen: a storm, in which nobody acts.
	ConditionFrozen = "Frozen"
)

// StabilityContractStatus is what is known of the contract.
type StabilityContractStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Pods counts the selected pods by state.
	// +optional
	Pods PodCounts `json:"pods,omitempty"`
	// Violating are the pods that violate a check now, the first 64.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=pod
	// +listMapKey=check
	// +optional
	Violating []PodViolation `json:"violating,omitempty"`
	// Reports counts the reports that were taken in; each is counted at least once.
	// +optional
	Reports int64 `json:"reports,omitempty"`
	// Effect compares pods that were acted upon with those that were left alone as a control.
	// +optional
	Effect Effect `json:"effect,omitempty"`
}

// PodCounts are numbers of pods.
type PodCounts struct {
	// +optional
	Watched int32 `json:"watched,omitempty"`
	// +optional
	Violated int32 `json:"violated,omitempty"`
	// Quarantined pods are watched no longer.
	// +optional
	Quarantined int32 `json:"quarantined,omitempty"`
}

// PodViolation is what a pod last said of a check that it violates.
type PodViolation struct {
	Pod   string `json:"pod"`
	UID   string `json:"uid"`
	Check string `json:"check"`
	// Strike counts consecutive evaluations.
	Strike int32 `json:"strike"`
	// Value and Threshold are the two sides of the comparison that decided.
	// +optional
	Value string `json:"value,omitempty"`
	// +optional
	Threshold string      `json:"threshold,omitempty"`
	Since     metav1.Time `json:"since"`
	// Reported is by the API server's clock.
	Reported metav1.Time `json:"reported"`
	// +optional
	Proven bool `json:"proven,omitempty"`
	// Evidence is where the profiles are that were taken for it.
	// +optional
	Evidence string `json:"evidence,omitempty"`
	// Source is the pod itself, or alertmanager.
	Source string `json:"source"`
	// Decision is what was decided about it, in words.
	// +optional
	Decision string `json:"decision,omitempty"`
}

// Effect counts incidents that were acted upon, and those that were left alone as a control.
type Effect struct {
	// +optional
	Acted int32 `json:"acted,omitempty"`
	// Recurred is after how many of them a replacement of the same workload violated the same contract within the hour.
	// +optional
	Recurred int32 `json:"recurred,omitempty"`
	// +optional
	Control int32 `json:"control,omitempty"`
	// ControlRecovered is how many of the control recovered by themselves: actions that were not needed.
	// +optional
	ControlRecovered int32 `json:"controlRecovered,omitempty"`
	// VerifiedRecoveries is how many of those acted upon have not come again for an hour.
	// +optional
	VerifiedRecoveries int32 `json:"verifiedRecoveries,omitempty"`
	// FalseFireRate is the share of the control that recovered by itself, of what is over.
	// +optional
	FalseFireRate string `json:"falseFireRate,omitempty"`
	// RecurrenceRate is the share of those acted upon that came again within the hour, of those of which that is known.
	// +optional
	RecurrenceRate string `json:"recurrenceRate,omitempty"`
}

// StabilityContract says what the selected pods promise about their own stability.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=stc,categories=stability
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Proven",type=string,JSONPath=`.status.conditions[?(@.type=="Proven")].status`
// +kubebuilder:printcolumn:name="Pods",type=integer,JSONPath=`.status.pods.watched`
// +kubebuilder:printcolumn:name="Violated",type=integer,JSONPath=`.status.pods.violated`
// +kubebuilder:printcolumn:name="Quarantined",type=integer,JSONPath=`.status.pods.quarantined`
// +kubebuilder:printcolumn:name="Frozen",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Frozen")].status`
// +kubebuilder:printcolumn:name="False fires",type=string,priority=1,JSONPath=`.status.effect.falseFireRate`
// +kubebuilder:printcolumn:name="Recurrence",type=string,priority=1,JSONPath=`.status.effect.recurrenceRate`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 63",message="the name must fit a label: at most 63 characters"
type StabilityContract struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              StabilityContractSpec `json:"spec"`
	// +optional
	Status StabilityContractStatus `json:"status,omitempty"`
}

// StabilityContractList is a list of StabilityContracts.
//
// +kubebuilder:object:root=true
type StabilityContractList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StabilityContract `json:"items"`
}
