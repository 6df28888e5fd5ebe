//go:build e2e

package e2e

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
)

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

// granted are the rights that the plain manifests have, as group/resource verb.
func granted(t *testing.T) map[string]bool {
	text, err := os.ReadFile(manifests)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, o := range objects {
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
						all[g+"/"+r+" "+v] = true
					}
				}
			}
		}
	}
	return all
}

// The operator does its work with the rights of its role, and uses each of them, so that it has none too many.
func TestVerbsUsedAreThoseGranted(t *testing.T) {
	granted := granted(t)
	// As the chart's value scaleToOne does.
	scale := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "stability-operator-scale"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "stability-operator-scale"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "stability-system", Name: "stability-operator"}}}
	if err := plane.client.Create(t.Context(), scale); err != nil {
		t.Fatal(err)
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
	rare := []string{"apps/statefulsets get", "events.k8s.io/events patch", "/events patch", "stability.falsifiable.dev/stabilitycontracts/finalizers update"}
	for v := range granted {
		// An API server older than 1.34 does not begin a watch with what there is: there the same is listed first.
		resource, listed := strings.CutSuffix(v, " list")
		if !u.verbs[v] && !slices.Contains(rare, v) && !(listed && u.verbs[resource+" watch"]) {
			t.Errorf("granted and not used: %s", v)
		}
	}
	for v := range u.verbs {
		if !granted[v] {
			t.Errorf("used and not granted: %s", v)
		}
	}
}

// everyAction makes an operator, which leads by a lease, take each action, delete what it has quarantined, and plan trials.
func everyAction(t *testing.T, cfg *rest.Config) {
	t.Run("trials", func(t *testing.T) {
		p := newPlace(t, acting())
		p.lead = true
		p.operate(cfg)
		planAndLeave(p)
	})
	for _, action := range []string{"Quarantine", "Restart", "ScaleToOne"} {
		t.Run(action, func(t *testing.T) {
			policy := acting()
			policy.AllowScaleToOne, policy.TTL.Duration = true, 2*time.Second
			p := newPlace(t, policy)
			c := p.contract()
			p.change(&c, func() { c.Spec.Action = action })
			p.lead = true
			p.operate(cfg)
			sick := p.pods("pay")[0]
			p.wait("the contract is accepted", func() bool { return p.contract().Status.Pods.Watched == 3 })
			p.change(&c, func() { c.Spec.Checks[0].Expr = "go.goroutine.count > 1001" }) // it is rendered anew
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
