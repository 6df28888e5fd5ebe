package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// StabilityPolicySpec is what people permit. What it does not say is the least that is of use, and a dry run.
type StabilityPolicySpec struct {
	// Mode is DryRun, which enters and reports each action and changes nothing, or Act.
	// +kubebuilder:validation:Enum=DryRun;Act
	// +kubebuilder:default=DryRun
	// +optional
	Mode string `json:"mode,omitempty"`
	// Paused lets nothing new begin.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// Ladder has what is done from which strike on.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.all(i, self.exists_one(j, j.strike == i.strike))",message="two steps are at the same strike"
	// +kubebuilder:default={{strike:1,action:"Notify"},{strike:3,action:"Quarantine"}}
	// +optional
	Ladder []Rung `json:"ladder,omitempty"`
	// +kubebuilder:default={perDay:20,perHour:5,cluster:3,namespace:2,workload:1}
	// +optional
	Budgets Budgets `json:"budgets,omitempty"`
	// MinAvailablePercent of a workload's replicas, rounded up, stay ready when an action takes a pod.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=51
	// +optional
	MinAvailablePercent int32 `json:"minAvailablePercent,omitempty"`
	// +kubebuilder:default={}
	// +optional
	Storm Storm `json:"storm,omitempty"`
	// ControlOneOf leaves one of so many incidents of a contract alone, to judge the action by. 0: none.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	// +kubebuilder:default=5
	// +optional
	ControlOneOf *int32 `json:"controlOneOf,omitempty"`
	// AllowUnproven lets checks act that no falsification has proven.
	// +optional
	AllowUnproven bool `json:"allowUnproven,omitempty"`
	// AllowScaleToOne permits that action, which takes healthy pods along.
	// +optional
	AllowScaleToOne bool `json:"allowScaleToOne,omitempty"`
	// TTL is how long a quarantine or a ScaleToOne lasts.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('168h')",message="must be from 1s to 168h"
	// +kubebuilder:default="1h"
	// +optional
	TTL metav1.Duration `json:"ttl,omitempty,omitzero"`
	// AfterTTL is Delete, of the quarantined pod, or Restore.
	// +kubebuilder:validation:Enum=Delete;Restore
	// +kubebuilder:default=Delete
	// +optional
	AfterTTL string `json:"afterTTL,omitempty"`
	// ReportMaxAge is how old a report may be that is acted upon.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="must be from 1s to 1h"
	// +kubebuilder:default="2m"
	// +optional
	ReportMaxAge metav1.Duration `json:"reportMaxAge,omitempty,omitzero"`
	// HandsOff is how long a workload is left alone after a person undid an action there.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must not be negative"
	// +kubebuilder:default="1h"
	// +optional
	HandsOff metav1.Duration `json:"handsOff,omitempty,omitzero"`
}

// Rung is a step of the ladder.
type Rung struct {
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Strike int32 `json:"strike"`
	// +kubebuilder:validation:Enum=Notify;Quarantine;Restart;ScaleToOne
	Action string `json:"action"`
}

// Budgets bound how much is done. The total is asked first. The ledger has room for 400 entries, so they have bounds themselves.
//
// +kubebuilder:validation:XValidation:rule="self.perHour <= self.perDay && self.workload <= self.namespace && self.namespace <= self.cluster && self.cluster <= self.perDay",message="each budget must be no more than the one above it: workload, namespace, cluster, perDay; perHour, perDay"
type Budgets struct {
	// PerDay is the total cap: actions begun in 24 hours, of any kind, anywhere in the cluster.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=20
	// +optional
	PerDay *int32 `json:"perDay,omitempty"`
	// PerHour is actions begun within an hour in the cluster.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=5
	// +optional
	PerHour *int32 `json:"perHour,omitempty"`
	// Cluster is actions in force at once.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=3
	// +optional
	Cluster *int32 `json:"cluster,omitempty"`
	// Namespace is actions in force at once in each.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=2
	// +optional
	Namespace *int32 `json:"namespace,omitempty"`
	// Workload is actions in force at once on each.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=1
	// +optional
	Workload *int32 `json:"workload,omitempty"`
}

// Storm is when so many violate at once that the contract, or something they share, is at fault.
type Storm struct {
	// Percent of a contract's pods, two at the least.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=40
	// +optional
	Percent int32 `json:"percent,omitempty"`
	// Delay is how long nothing is begun after it ended.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('24h')",message="must be from 0s to 24h"
	// +kubebuilder:default="10m"
	// +optional
	Delay metav1.Duration `json:"delay,omitempty,omitzero"`
}

// StabilityPolicyStatus is the ledger. Whoever clears it gives the budgets anew.
type StabilityPolicyStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Actions are those begun within a day, and those in force.
	// +kubebuilder:validation:MaxItems=400
	// +listType=map
	// +listMapKey=id
	// +optional
	Actions []ActionStatus `json:"actions,omitempty"`
	// Frozen are the storms.
	// +kubebuilder:validation:MaxItems=65
	// +optional
	Frozen []FreezeStatus `json:"frozen,omitempty"`
	// InForce counts actions in force, for kubectl get.
	// +optional
	InForce int32 `json:"inForce,omitempty"`
	// BegunToday counts actions begun within a day.
	// +optional
	BegunToday int32 `json:"begunToday,omitempty"`
	// Latest is the greatest time seen of the API server's clock.
	// +optional
	Latest *metav1.Time `json:"latest,omitempty"`
}

// ActionStatus is one action.
type ActionStatus struct {
	ID        string `json:"id"`
	Incident  string `json:"incident"`
	Action    string `json:"action"`
	Phase     string `json:"phase"`
	Contract  string `json:"contract"`
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"`
	Pod       string `json:"pod"`
	UID       string `json:"uid"`
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
	// +optional
	Control bool `json:"control,omitempty"`
	// Evidence was pulled, or given up.
	// +optional
	Evidence bool `json:"evidence,omitempty"`
	// +optional
	ByPerson bool        `json:"byPerson,omitempty"`
	Granted  metav1.Time `json:"granted"`
	// +optional
	Applied *metav1.Time `json:"applied,omitempty"`
	// +optional
	Ended *metav1.Time `json:"ended,omitempty"`
	// +optional
	Why string `json:"why,omitempty"`
}

// FreezeStatus is one storm.
type FreezeStatus struct {
	// Scope is a contract's namespace/name, or empty for the cluster.
	// +optional
	Scope string      `json:"scope,omitempty"`
	Until metav1.Time `json:"until"`
	Why   string      `json:"why"`
}

// StabilityPolicy says what may be done in the cluster when a contract is violated. There is one, named cluster, so that its budgets
// are of the whole cluster. Without it nothing is done.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=stp,categories=stability
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Paused",type=boolean,JSONPath=`.spec.paused`
// +kubebuilder:printcolumn:name="In force",type=integer,JSONPath=`.status.inForce`
// +kubebuilder:printcolumn:name="Today",type=integer,JSONPath=`.status.begunToday`
// +kubebuilder:printcolumn:name="Of",type=integer,JSONPath=`.spec.budgets.perDay`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name == 'cluster'",message="there is one StabilityPolicy, named cluster"
type StabilityPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              StabilityPolicySpec `json:"spec"`
	// +optional
	Status StabilityPolicyStatus `json:"status,omitempty"`
}

// StabilityPolicyList is a list of StabilityPolicies.
//
// +kubebuilder:object:root=true
type StabilityPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StabilityPolicy `json:"items"`
}
