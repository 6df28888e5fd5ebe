//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
)

// apply creates what a manifest has.
func apply(t *testing.T, file string) (objects []*unstructured.Unstructured) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(o); err == io.EOF {
			return objects
		} else if err != nil {
			t.Fatal(err)
		}
		if len(o.Object) == 0 {
			continue
		}
		if err := plane.client.Create(t.Context(), o); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatalf("%s: %s %s: %v", file, o.GetKind(), o.GetName(), err)
		}
		objects = append(objects, o)
	}
}

// used notes what was asked of the API server, as group/resource verb, and what it forbade.
type used struct {
	mu        sync.Mutex
	verbs     map[string]bool
	forbidden []string
}

func (u *used) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		answer, err := next.RoundTrip(r)
		u.mu.Lock()
		defer u.mu.Unlock()
		if v := verbOf(r); v != "" {
			u.verbs[v] = true
			if err == nil && answer.StatusCode == http.StatusForbidden {
				u.forbidden = append(u.forbidden, v+" "+r.URL.Path)
			}
		}
		return answer, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// verbOf is what RBAC makes of a request, "" for one that is about no resource.
func verbOf(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	group := ""
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		group, parts = parts[1], parts[3:]
	default:
		return ""
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	resource, named := parts[0], len(parts) > 1
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	verb := map[string]string{"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[r.Method]
	switch {
	case verb != "":
	case r.URL.Query().Get("watch") != "":
		verb = "watch"
	case named:
		verb = "get"
	default:
		verb = "list"
	}
	return group + "/" + resource + " " + verb
}

// The operator does its work with the rights of its role, and uses each of them, so that it has none too many.
func TestVerbsUsedAreThoseGranted(t *testing.T) {
	system := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "stability-system"}}
	if err := plane.client.Create(t.Context(), system); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	granted := map[string]bool{}
	for _, o := range apply(t, "../../config/rbac/role.yaml") {
		var role rbacv1.ClusterRole
		if kind := o.GetKind(); kind != "ClusterRole" && kind != "Role" {
			continue
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &role); err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for _, g := range rule.APIGroups {
				for _, r := range rule.Resources {
					for _, v := range rule.Verbs {
						granted[g+"/"+r+" "+v] = true
					}
				}
			}
		}
	}
	u := &used{verbs: map[string]bool{}}
	limited := rest.CopyConfig(plane.config)
	limited.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:stability-system:stability-operator",
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:stability-system", "system:authenticated"}}
	limited.WrapTransport = u.wrap
	everyAction(t, limited)
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.forbidden) > 0 {
		t.Errorf("forbidden: %v", u.forbidden)
	}
	// What is granted for what this test does not come to: other kinds of workloads, an event that is counted up, the deletion of an owner.
	rare := []string{"apps/statefulsets get", "events.k8s.io/events patch", "stability.falsifiable.dev/stabilitycontracts/finalizers update"}
	for v := range granted {
		if !u.verbs[v] && !slices.Contains(rare, v) {
			t.Errorf("granted and not used: %s", v)
		}
	}
	for v := range u.verbs {
		if !granted[v] {
			t.Errorf("used and not granted: %s", v)
		}
	}
}

// everyAction makes an operator, which leads by a lease, take each action and delete what it has quarantined.
func everyAction(t *testing.T, cfg *rest.Config) {
	for _, action := range []string{"Quarantine", "Restart", "ScaleToOne"} {
		t.Run(action, func(t *testing.T) {
			policy := acting()
			policy.AllowScaleToOne, policy.TTL.Duration = true, 2*time.Second
			p := newPlace(t, policy)
			c := p.contract()
			c.Spec.Action = action
			if err := plane.client.Update(t.Context(), &c); err != nil {
				t.Fatal(err)
			}
			p.lead = true
			p.operate(cfg)
			sick := p.pods("pay")[0]
			p.wait("the contract is accepted", func() bool { return p.contract().Status.Pods.Watched == 3 })
			c = p.contract() // a contract that changes is rendered anew
			c.Spec.Checks[0].Expr = "go.goroutine.count > 1001"
			if err := plane.client.Update(t.Context(), &c); err != nil {
				t.Fatal(err)
			}
			p.wait("it is accepted again", func() bool { c := p.contract(); return c.Status.ObservedGeneration == c.Generation })
			if got := p.report(p.token(sick, "stability"), violation(3, time.Now())); got != 200 {
				t.Fatal(got)
			}
			p.wait("it was done, and is over", func() bool {
				l := p.ledger()
				return len(l) == 1 && l[0].Phase == "Ended" && l[0].Applied != nil && l[0].Action == action
			})
			p.wait("three pods are ready, and the sick one is gone", func() bool {
				for _, pod := range p.all() {
					if pod.UID == sick.UID && action != "ScaleToOne" {
						return false
					}
				}
				return len(p.pods("pay")) == 3 && len(p.quarantined()) == 0
			})
		})
	}
}
