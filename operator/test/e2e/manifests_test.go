//go:build e2e

package e2e

import (
	"errors"
	"strings"
	"testing"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/webhook"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
)

// The manifests are what the API server takes, and nothing of them is unknown to it.
func TestManifestsApply(t *testing.T) {
	strict := client.WithFieldValidation(plane.client, "Strict")
	for _, file := range []string{"../../config/manager/manager.yaml", "../../config/rbac/role.yaml", "../../config/manager/webhook.yaml"} {
		for _, o := range apply(t, file) {
			o.SetManagedFields(nil)
			o.SetResourceVersion("")
			if err := strict.Update(t.Context(), o, client.DryRunAll); err != nil {
				t.Errorf("%s: %s %s: %v", file, o.GetKind(), o.GetName(), err)
			}
			if o.GetKind() == "ValidatingWebhookConfiguration" {
				if err := plane.client.Delete(t.Context(), o); err != nil { // its service is not here
					t.Error(err)
				}
			}
		}
	}
}

// The API server asks the webhook of the manifest, and gives its caret to whoever wrote the contract.
func TestAdmissionDrawsTheCaret(t *testing.T) {
	options := envtest.WebhookInstallOptions{Paths: []string{"../../config/manager/webhook.yaml"}}
	if err := options.Install(plane.config); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := options.Cleanup(); err != nil {
			t.Error(err)
		}
	}()
	m, err := ctrl.NewManager(plane.config, ctrl.Options{Scheme: plane.client.Scheme(), Metrics: server.Options{BindAddress: "0"},
		WebhookServer: ctrlwebhook.NewServer(ctrlwebhook.Options{Host: options.LocalServingHost, Port: options.LocalServingPort, CertDir: options.LocalServingCertDir})})
	if err != nil {
		t.Fatal(err)
	}
	if err := webhook.SetupWithManager(m); err != nil {
		t.Fatal(err)
	}
	go func() {
		if err := m.Start(t.Context()); err != nil && !errors.Is(err, t.Context().Err()) {
			t.Error(err)
		}
	}()
	p := &place{T: t}
	c := &v1alpha1.StabilityContract{Spec: v1alpha1.StabilityContractSpec{Checks: []v1alpha1.Check{{Name: "leak", Expr: "go.goroutine.cuont > 1000"}}}}
	c.Name, c.Namespace, c.Spec.Selector.MatchLabels = "typing", "default", map[string]string{"app": "pay"}
	var last error
	p.waitFor("the contract is refused with a caret", func() bool {
		last = plane.client.Create(t.Context(), c.DeepCopy(), client.DryRunAll)
		return last != nil && strings.Contains(last.Error(), "^^^")
	}, func() { t.Log(last) })
	c.Spec.Checks[0].Expr = "go.goroutine.count > 1000"
	if err := plane.client.Create(t.Context(), c, client.DryRunAll); err != nil {
		t.Error(err)
	}
}
