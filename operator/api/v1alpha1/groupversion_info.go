// Package v1alpha1 has the kinds by which a cluster is told what its services promise (StabilityContract), what may be done
// when they break it (StabilityPolicy), and when to try to prove that they are wrong (Falsification).
//
// +kubebuilder:object:generate=true
// +groupName=stability.falsifiable.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is of all kinds here.
var GroupVersion = schema.GroupVersion{Group: "stability.falsifiable.dev", Version: "v1alpha1"}

// AddToScheme makes the kinds known.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &StabilityContract{}, &StabilityContractList{}, &StabilityPolicy{}, &StabilityPolicyList{},
		&Falsification{}, &FalsificationList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}

// What the operator writes on the objects that it acts upon, and what people write for it.
const (
	// LabelQuarantined has the ID of the action whose effect the object bears.
	LabelQuarantined = "stability/quarantined"
	// AnnotationLabels has, as JSON, the labels that a quarantine took off the pod.
	AnnotationLabels = "stability/labels"
	// AnnotationReplicas has the replicas that a ScaleToOne found.
	AnnotationReplicas = "stability/replicas"
	// AnnotationBore has the ID of the last action whose effect was put on the object.
	AnnotationBore = "stability/action"
	// AnnotationEnded has the ID of the last action that was called off or undone, and " person" behind it if a person asked.
	AnnotationEnded = "stability/ended"
	// AnnotationRestore is written by people: stability/restore=now undoes the action, and keeps others off the object.
	AnnotationRestore = "stability/restore"
	// AnnotationHandsOff is written by people on a pod, its workload or its namespace: nothing is done there.
	AnnotationHandsOff = "stability/hands-off"
)
