//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/webhook"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
)

// read returns the objects of a manifest.
func read(manifest []byte) (objects []*unstructured.Unstructured, err error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(o); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		if len(o.Object) > 0 {
			objects = append(objects, o)
		}
	}
}

// manifests are the plain ones.
const manifests = "../../config/install.yaml"

// install creates what the plain manifests have, but for the webhook: there is nobody to answer for it yet. The API server refuses
// what it does not know.
func install(ctx context.Context) error {
	text, err := os.ReadFile(manifests)
	if err != nil {
		return err
	}
	objects, err := read(text)
	if err != nil {
		return err
	}
	strict := client.WithFieldValidation(plane.client, metav1.FieldValidationStrict)
	for _, o := range objects {
		if o.GetKind() == "ValidatingWebhookConfiguration" {
			continue
		}
		if err := strict.Create(ctx, o); err != nil {
			return fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	return nil
}

// helm returns what the chart gives with these values.
func helm(t *testing.T, values ...string) []*unstructured.Unstructured {
	t.Helper()
	render := exec.CommandContext(t.Context(), "go", append([]string{"run", ".", "../../chart", "stability-system"}, values...)...)
	render.Dir, render.Env = "../../hack/chart", append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	text, err := render.Output()
	if err != nil {
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Logf("%s", failed.Stderr)
		}
		t.Fatal(err)
	}
	objects, err := read(text)
	if err != nil || len(objects) < 10 {
		t.Fatalf("%v: %d objects, %v", values, len(objects), err)
	}
	return objects
}

// What helm installs is what the API server takes, whatever the values.
func TestTheChartApplies(t *testing.T) {
	strict := client.WithFieldValidation(plane.client, metav1.FieldValidationStrict)
	for _, values := range [][]string{nil, {"scaleToOne=true", "certificate=stability-system/tls", "alertmanager=monitoring/alertmanager", "caBundle=LS0t"}, {"falsifications.enabled=false", "replicas=1"},
		{"evidence.store=file:///evidence", "evidence.claim=evidence", "evidence.secret=keys"}} {
		for _, o := range helm(t, values...) {
			if err := strict.Create(t.Context(), o, client.DryRunAll); err != nil && !apierrors.IsAlreadyExists(err) {
				t.Errorf("%v: %s %s: %v", values, o.GetKind(), o.GetName(), err)
			}
		}
	}
}

// The operator may write into the volume of its evidence, which a fresh one lets only its group, and asks for no group without one.
func TestTheVolumeOfEvidenceIsTheOperators(t *testing.T) {
	for values, want := range map[string]int64{"evidence.store=file:///evidence evidence.claim=mine": 65532, "evidence.store=s3://mine?region=x": 0} {
		for _, o := range helm(t, strings.Fields(values)...) {
			if o.GetKind() != "Deployment" {
				continue
			}
			group, _, err := unstructured.NestedFieldNoCopy(o.Object, "spec", "template", "spec", "securityContext", "fsGroup")
			if got := fmt.Sprint(group); err != nil || got != fmt.Sprint(want) && (want != 0 || group != nil) {
				t.Errorf("%s: fsGroup %v, %v; want %d", values, group, err, want)
			}
			volumes, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "volumes")
			if strings.Contains(fmt.Sprint(volumes), "claimName:mine") != (want != 0) {
				t.Errorf("%s: the volumes are %v", values, volumes)
			}
		}
	}
}

// hack/gen.sh would write nothing new.
func TestGeneratedFilesAreFresh(t *testing.T) {
	to := t.TempDir()
	gen := exec.CommandContext(t.Context(), "../../hack/gen.sh", to)
	if out, err := gen.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	n := 0
	err := filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		name, _ := filepath.Rel(to, path) // it is below
		fresh, _ := os.ReadFile(path)
		if committed, err := os.ReadFile(filepath.Join("../..", name)); err != nil || !bytes.Equal(committed, fresh) {
			t.Errorf("operator/%s is stale: run operator/hack/gen.sh (%v)", name, err)
		}
		return nil
	})
	if err != nil || n < 5 {
		t.Errorf("%d files were written, %v", n, err)
	}
}

// The API server asks the webhook of the manifest, and gives its caret to whoever wrote the contract.
func TestAdmissionDrawsTheCaret(t *testing.T) {
	options := envtest.WebhookInstallOptions{Paths: []string{manifests}}
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
