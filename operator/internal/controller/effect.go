package controller

import (
	"fmt"
	"slices"
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
	c.Status.Effect, c.Status.Pods.Quarantined = effect(t.ledger, key(c), t.now), 0
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

// recurs is how soon a violation comes again for it to be the same trouble.
const recurs = time.Hour

// effect compares the incidents of a contract that were acted upon with those that were left alone.
func effect(l budget.Ledger, contract string, now time.Time) (out v1alpha1.Effect) {
	var controlled, judged int32 // those whose outcome is known
	for i, e := range l.Entries {
		switch {
		case e.Contract != contract || e.DryRun:
		case e.Control:
			out.Control++
			if e.Phase == budget.Ended {
				controlled++
			}
			if e.Phase == budget.Ended && e.Why == budget.Recovered {
				out.ControlRecovered++
			}
		case !e.Applied.IsZero():
			out.Acted++
			again := slices.ContainsFunc(l.Entries[i+1:], func(later budget.Entry) bool {
				return later.Contract == contract && later.Target.Workload == e.Target.Workload && later.Granted.Sub(e.Applied) < recurs
			})
			switch {
			case again:
				out.Recurred++
				judged++
			case now.Sub(e.Applied) >= recurs:
				out.VerifiedRecoveries++
				judged++
			}
		}
	}
	out.FalseFireRate, out.RecurrenceRate = share(out.ControlRecovered, controlled), share(out.Recurred, judged)
	return out
}

// share says how many of how many, "" for none of none.
func share(part, of int32) string {
	if of == 0 {
		return ""
	}
	return fmt.Sprintf("%d %% of %d", (100*part+of/2)/of, of)
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
