// Package webhook refuses contracts at admission that the reconciler would not accept.
package webhook

import (
	"context"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/contracts"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Contracts compiles contracts at admission. What depends on the pods that there are is left to the reconciler: a contract may come
// before its service.
type Contracts struct{}

var _ admission.Validator[*v1alpha1.StabilityContract] = Contracts{}

// ValidateCreate compiles a new contract.
func (Contracts) ValidateCreate(_ context.Context, c *v1alpha1.StabilityContract) (admission.Warnings, error) {
	return judge(c)
}

// ValidateUpdate compiles a changed contract, unless it is being deleted.
func (Contracts) ValidateUpdate(_ context.Context, _, c *v1alpha1.StabilityContract) (admission.Warnings, error) {
	if c.DeletionTimestamp != nil {
		return nil, nil
	}
	return judge(c)
}

// ValidateDelete lets every contract go.
func (Contracts) ValidateDelete(context.Context, *v1alpha1.StabilityContract) (admission.Warnings, error) {
	return nil, nil
}

func judge(c *v1alpha1.StabilityContract) (admission.Warnings, error) {
	compiled, err := contracts.Compile(c)
	if err != nil {
		return nil, err
	}
	return compiled.Warnings, nil
}

// SetupWithManager serves it.
func SetupWithManager(m ctrl.Manager) error {
	return ctrl.NewWebhookManagedBy(m, &v1alpha1.StabilityContract{}).WithValidator(Contracts{}).Complete()
}
