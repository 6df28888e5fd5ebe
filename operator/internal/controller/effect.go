package controller

import (
	"strings"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/budget"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// summarise puts into a contract's status what the ledger, which reaches back a day, says of it.
func (t *round) summarise(c *v1alpha1.StabilityContract) {
	c.Status.Effect, c.Status.Pods.Quarantined = effect(t.ledger, key(c)), 0
	for _, e := range t.ledger.Entries {
		if e.Contract == key(c) && e.Action == budget.Quarantine && e.Phase == budget.Applied {
			c.Status.Pods.Quarantined++
		}
	}
	condition := metav1.Condition{Type: v1alpha1.ConditionFrozen, Status: metav1.ConditionFalse, Reason: "Calm", ObservedGeneration: c.Generation}
	for _, f := range t.ledger.Frozen {
		if (f.Scope == "" || f.Scope == key(c)) && t.now.Before(f.Until) {
			condition.Status, condition.Reason, condition.Message = metav1.ConditionTrue, "Storm", f.Why
		}
	}
	meta.SetStatusCondition(&c.Status.Conditions, condition)
}

// effect compares the incidents of a contract that were acted upon with those that were left alone.
func effect(l budget.Ledger, contract string) (out v1alpha1.Effect) {
	for i, e := range l.Entries {
		switch {
		case e.Contract != contract || e.DryRun:
		case e.Control:
			out.Control++
			if e.Phase == budget.Ended && e.Why == budget.Recovered {
				out.ControlRecovered++
			}
		case !e.Applied.IsZero():
			out.Acted++
			for _, later := range l.Entries[i+1:] {
				if later.Contract == contract && later.Target.Workload == e.Target.Workload && later.Granted.Sub(e.Applied) < time.Hour {
					out.Recurred++
					break
				}
			}
		}
	}
	return out
}

func equalStatus(a, b *v1alpha1.StabilityContract) bool {
	return equality.Semantic.DeepEqual(a.Status, b.Status)
}

// clip cuts a text to n bytes: the API server refuses an event whose note is longer than a kilobyte.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
