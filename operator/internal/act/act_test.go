package act

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/budget"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestTheLedgerSurvivesItsStatus(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	full := budget.Entry{ID: "i-1", Incident: "i", Action: budget.Restart, Target: budget.Target{Namespace: "n", Workload: "Deployment/w", Pod: "p", UID: "u"}, Contract: "n/c",
		Phase: budget.Ended, DryRun: true, Control: true, Evidence: true, ByPerson: true, Granted: at, Applied: at.Add(time.Second), Ended: at.Add(time.Minute), Why: "w"}
	if v := reflect.ValueOf(full); true {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Fatalf("the test leaves out %s", v.Type().Field(i).Name)
			}
		}
	}
	l := budget.Ledger{Entries: []budget.Entry{full, {ID: "j-1", Granted: at}}, Frozen: []budget.Freeze{{Scope: "n/c", Until: at, Why: "storm"}}, Latest: at}
	var s v1alpha1.StabilityPolicyStatus
	SetLedger(&s, l, at)
	if got := Ledger(s); !reflect.DeepEqual(got, l) {
		t.Errorf("became\n%+v\nof\n%+v", got, l)
	}
	if s.InForce != 1 || s.BegunToday != 1 {
		t.Errorf("in force %d, today %d", s.InForce, s.BegunToday)
	}
}

func TestAnEmptyPolicyIsTheLeast(t *testing.T) {
	if got := Policy(v1alpha1.StabilityPolicySpec{}); !reflect.DeepEqual(got, budget.DefaultPolicy()) || got.Act {
		t.Errorf("%+v", got)
	}
	zero := int32(0)
	if got := Policy(v1alpha1.StabilityPolicySpec{Mode: "Act", Budgets: v1alpha1.Budgets{PerDay: &zero}}); got.PerDay != 0 || !got.Act {
		t.Errorf("a budget of nothing is %d", got.PerDay)
	}
}

func TestClockHearsTheServer(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	c := &Clock{Now: func() time.Time { return now }}
	if !c.Server().IsZero() {
		t.Error("it knows a time of which it has not heard")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", now.Add(time.Hour).UTC().Format(http.TimeFormat))
	}))
	defer server.Close()
	answer, err := (&http.Client{Transport: c.Wrap(http.DefaultTransport)}).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if off := c.Server().Sub(now.Add(time.Hour)).Abs(); off > time.Second {
		t.Errorf("off by %v", off)
	}
	if now = now.Add(heard + time.Second); !c.Server().IsZero() {
		t.Error("it believes what it heard long ago")
	}
}

func TestWhoIsUntouchable(t *testing.T) {
	for name, test := range map[string]struct {
		labels, annotations map[string]string
		want                bool
	}{
		"nothing":            {nil, nil, false},
		"hands off":          {nil, map[string]string{v1alpha1.AnnotationHandsOff: "true"}, true},
		"asked to restore":   {nil, map[string]string{v1alpha1.AnnotationRestore: "now"}, true},
		"in quarantine":      {map[string]string{v1alpha1.LabelQuarantined: "a"}, map[string]string{v1alpha1.AnnotationBore: "a"}, false},
		"restored by us":     {nil, map[string]string{v1alpha1.AnnotationBore: "a", v1alpha1.AnnotationEnded: "a"}, false},
		"as a person asked":  {nil, map[string]string{v1alpha1.AnnotationBore: "a", v1alpha1.AnnotationEnded: "a person"}, true},
		"label taken off":    {nil, map[string]string{v1alpha1.AnnotationBore: "a"}, true},
		"called off, no act": {nil, map[string]string{v1alpha1.AnnotationEnded: "a"}, false},
	} {
		if got := untouchable(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: test.labels, Annotations: test.annotations}}); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestOwnerOf(t *testing.T) {
	owned := func(kind, name, hash string) *corev1.Pod {
		yes := true
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: kind, Name: name, Controller: &yes}}}}
		if hash != "" {
			p.Labels = map[string]string{"pod-template-hash": hash}
		}
		return p
	}
	for want, pod := range map[string]*corev1.Pod{"Deployment/pay": owned("ReplicaSet", "pay-6f7", "6f7"), "ReplicaSet/pay": owned("ReplicaSet", "pay", ""),
		"StatefulSet/db": owned("StatefulSet", "db", ""), "": {}} {
		if got := OwnerOf(pod); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
