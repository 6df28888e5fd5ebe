package contracts

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func contract(name string, spec v1alpha1.StabilityContractSpec) *v1alpha1.StabilityContract {
	if spec.Selector.MatchLabels == nil && spec.Selector.MatchExpressions == nil {
		spec.Selector.MatchLabels = map[string]string{"app": "pay"}
	}
	if spec.Checks == nil {
		spec.Checks = []v1alpha1.Check{{Name: "leak", Expr: "go.goroutine.count > 1000"}}
	}
	return &v1alpha1.StabilityContract{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
}

func reason(err error) string {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Reason
	}
	return ""
}

var pods = []Pod{
	{"pay-1", "u1", "pay", map[string]string{"app": "pay", "tier": "front"}},
	{"pay-2", "u2", "pay", map[string]string{"app": "pay", "tier": "front"}},
	{"risk-1", "u3", "risk", map[string]string{"app": "risk", "tier": "front"}},
}

func TestWhatIsRefused(t *testing.T) {
	negative := metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"x"}}}}
	for name, test := range map[string]struct {
		spec    v1alpha1.StabilityContractSpec
		reason  string
		message string
	}{
		"good":            {},
		"typing error":    {v1alpha1.StabilityContractSpec{Checks: []v1alpha1.Check{{Name: "leak", Expr: "go.goroutine.cuont > 1000"}}}, "DoesNotCompile", "^^^"},
		"which check":     {v1alpha1.StabilityContractSpec{Checks: []v1alpha1.Check{{Name: "a", Expr: "go.goroutine.count > 1"}, {Name: "b", Expr: "go.goroutine.count >"}}}, "DoesNotCompile", `spec.checks[1] "b"`},
		"its own signal":  {v1alpha1.StabilityContractSpec{Signals: []v1alpha1.Signal{{Name: "orders.waiting", Kind: "gauge"}}, Checks: []v1alpha1.Check{{Name: "a", Expr: "orders.waiting > 1"}}}, "", ""},
		"units":           {v1alpha1.StabilityContractSpec{Signals: []v1alpha1.Signal{{Name: "orders.size", Kind: "gauge", Unit: "bytes"}}, Checks: []v1alpha1.Check{{Name: "a", Expr: "orders.size > 1s"}}}, "DoesNotCompile", ""},
		"only negative":   {v1alpha1.StabilityContractSpec{Selector: negative}, "SelectsEverything", "matchLabels"},
		"selects nothing": {v1alpha1.StabilityContractSpec{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "gone"}}}, "SelectsNothing", "none of the 3 pods"},
		"everything":      {v1alpha1.StabilityContractSpec{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"tier": "front"}}}, "SelectsEverything", "2 workloads"},
	} {
		t.Run(name, func(t *testing.T) {
			compiled, err := Compile(contract("c", test.spec))
			if err == nil {
				_, err = compiled.Select(pods)
			}
			if reason(err) != test.reason || err != nil && !strings.Contains(err.Error(), test.message) {
				t.Errorf("%v (%s), want %s with %q", err, reason(err), test.reason, test.message)
			}
		})
	}
}

func TestContractsThatFight(t *testing.T) {
	check := func(expr string) v1alpha1.StabilityContractSpec {
		return v1alpha1.StabilityContractSpec{Checks: []v1alpha1.Check{{Name: "k", Expr: expr}}}
	}
	acting := func(action string) v1alpha1.StabilityContractSpec {
		return v1alpha1.StabilityContractSpec{Mode: "enforce", Action: action}
	}
	elsewhere := check("go.goroutine.count < 2000")
	elsewhere.Selector.MatchLabels = map[string]string{"app": "risk"}
	for name, test := range map[string]struct {
		a, b v1alpha1.StabilityContractSpec
		want string
	}{
		"no value pleases both": {check("go.goroutine.count > 1000"), check("go.goroutine.count < 2000"), "no value pleases both"},
		"a band is left":        {check("go.goroutine.count > 2000"), check("go.goroutine.count < 1000"), ""},
		"turned around":         {check("go.goroutine.count < 2000"), check("go.goroutine.count > 1000"), "no value pleases both"},
		"another signal":        {check("go.goroutine.count > 1000"), check("process.open_file_descriptor.count < 2000"), ""},
		"no pod in common":      {check("go.goroutine.count > 1000"), elsewhere, ""},
		"actions":               {acting("Restart"), acting("Quarantine"), "one asks for"},
		"the same action":       {acting("Restart"), acting("Restart"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := Compile(contract("a", test.a))
			if err != nil {
				t.Fatal(err)
			}
			b, err := Compile(contract("b", test.b))
			if err != nil {
				t.Fatal(err)
			}
			err = Fight(a, b, pods)
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// What is rendered is the same each time. That a pod reads it is tried in contractfile, by the same file.
func TestRenderedIsWhatAPodReads(t *testing.T) {
	spec := v1alpha1.StabilityContractSpec{Mode: "enforce", Interval: metav1.Duration{Duration: time.Minute}, Checks: []v1alpha1.Check{{Name: "leak", Expr: `go.goroutine.count > 1000 && go.goroutine.count < 1e9`,
		For: &metav1.Duration{Duration: time.Minute}, KeepFiringFor: &metav1.Duration{Duration: 90 * time.Second}, Severity: "page: now", Cause: "goroutineleak"}}}
	text, err := Render(contract("pay", spec))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := Render(contract("pay", spec)); again != text {
		t.Errorf("rendered\n%s\nand\n%s", text, again)
	}
	if want, err := os.ReadFile("testdata/contracts.yaml"); err != nil || text != string(want) {
		t.Errorf("rendered\n%s\nwant what contractfile is held to (%v)\n%s", text, err, want)
	}
}
