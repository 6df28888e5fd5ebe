package controller

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/act"
	"github.com/falsifiable/stability/operator/internal/budget"
	"github.com/falsifiable/stability/operator/internal/store"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// PolicyName is that of the one StabilityPolicy.
const PolicyName = "cluster"

// How often the ledger is looked at while actions are in force, and while there are none.
const (
	soon   = 2 * time.Second
	seldom = 30 * time.Second
)

// maxAsks is how many violations are decided upon in one round.
const maxAsks = 32

// ActionReconciler decides what is done about violations, and does it, one round at a time.
type ActionReconciler struct {
	client.Client
	// Reader must not be a cache: what is decided is decided upon what is.
	Reader client.Reader
	Clock  *act.Clock
	Events events.EventRecorder
	// Store has the evidence for which an action waits, for a while. Nil: there is none.
	Store *store.Store
}

// round is what one reconciliation has read.
type round struct {
	*ActionReconciler
	policy    *v1alpha1.StabilityPolicy
	limits    budget.Policy
	ledger    budget.Ledger
	contracts []v1alpha1.StabilityContract
	now       time.Time // by the API server
	decisions []decision
}

type decision struct {
	contract  *v1alpha1.StabilityContract
	violation v1alpha1.PodViolation
	verdict   budget.Verdict
}

// Reconcile makes one round: what was begun takes its steps, then new violations are decided upon.
func (r *ActionReconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	t := &round{ActionReconciler: r}
	if err := t.read(ctx); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	// What was begun takes its steps though others write what was read to decide: while reports come in, they always do.
	decided := t.decide(ctx)
	if decided != nil && !apierrors.IsConflict(decided) {
		return ctrl.Result{}, decided
	}
	if err := cmp.Or(t.steps(ctx), decided); err != nil {
		return yielding(err)
	}
	for i := range t.ledger.Entries {
		if e := &t.ledger.Entries[i]; e.Phase != budget.Ended {
			return ctrl.Result{RequeueAfter: soon}, nil
		}
	}
	return ctrl.Result{RequeueAfter: seldom}, nil
}

// yielding makes no error of a conflict, which is somebody else's turn.
func yielding(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: 100 * time.Millisecond}, nil
	}
	return ctrl.Result{}, err
}

// read reads the policy with its ledger first, and the world after it, so that the world holds whatever the ledger says is done.
func (t *round) read(ctx context.Context) error {
	var p v1alpha1.StabilityPolicy
	if err := t.Reader.Get(ctx, types.NamespacedName{Name: PolicyName}, &p); err != nil {
		return err
	}
	t.policy, t.limits, t.ledger, t.now = &p, act.Policy(p.Spec), act.Ledger(p.Status), t.Clock.Server().Truncate(time.Second)
	var list v1alpha1.StabilityContractList
	if err := t.List(ctx, &list); err != nil {
		return err
	}
	t.contracts = list.Items
	return nil
}

// save writes the ledger on condition that nobody has written it since it was read.
func (t *round) save(ctx context.Context) error {
	t.ledger.See(t.now)
	act.SetLedger(&t.policy.Status, t.ledger, t.now)
	t.policy.Status.ObservedGeneration = t.policy.Generation
	condition := metav1.Condition{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Valid", Message: "the policy is in force", ObservedGeneration: t.policy.Generation}
	switch err := t.limits.Validate(); {
	case err != nil:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, "Invalid", err.Error()
	case t.skewed():
		condition.Status, condition.Reason = metav1.ConditionFalse, "ClockSkewed"
		condition.Message = fmt.Sprintf("nothing is begun: the operator's clock and the API server's differ by %v, more than %v", t.Clock.Local().Sub(t.Clock.Server()).Abs().Round(time.Second), budget.ClockTolerance)
	case !t.limits.Act:
		condition.Reason, condition.Message = "DryRun", "a dry run: actions are decided upon and reported, and nothing is changed"
	}
	meta.SetStatusCondition(&t.policy.Status.Conditions, condition)
	return t.Status().Update(ctx, t.policy)
}

func key(c *v1alpha1.StabilityContract) string { return c.Namespace + "/" + c.Name }

// fresh are a contract's violations that are not too old to act upon.
func (t *round) fresh(c *v1alpha1.StabilityContract) []v1alpha1.PodViolation {
	return slices.DeleteFunc(slices.Clone(c.Status.Violating), func(v v1alpha1.PodViolation) bool { return t.now.Sub(v.Reported.Time) > t.limits.ReportMaxAge })
}

// decide looks at each violation, enters what is granted into the ledger, and only then tells of it.
func (t *round) decide(ctx context.Context) error {
	t.ledger.Prune(t.now)
	before := t.ledger.Clone()
	t.storms()
	for _, d := range t.urgent() {
		var err error
		if d.verdict, err = t.ask(ctx, d.contract, d.violation); err != nil {
			return err
		}
		if d.verdict.Entry != nil {
			t.ledger.Enter(*d.verdict.Entry)
		}
		t.decisions = append(t.decisions, d)
	}
	if t.worthSaving(before) {
		if err := t.save(ctx); err != nil {
			return err
		}
	}
	return t.tell(ctx)
}

// worthSaving reports whether the ledger has changed since, or the policy. That a storm lasts is written every ten seconds.
func (t *round) worthSaving(before budget.Ledger) bool {
	if len(t.ledger.Entries) != len(t.policy.Status.Actions) || len(t.ledger.Entries) != len(before.Entries) || len(t.ledger.Frozen) != len(t.policy.Status.Frozen) ||
		t.policy.Status.ObservedGeneration != t.policy.Generation {
		return true
	}
	for i, f := range t.ledger.Frozen {
		if f.Until.Sub(t.policy.Status.Frozen[i].Until.Time) > 10*time.Second {
			return true
		}
	}
	return t.skewed() == meta.IsStatusConditionTrue(t.policy.Status.Conditions, "Ready")
}

// urgent are the violations that are decided upon in this round: of all contracts those with the most strikes, and of those with as many
// first what has not been decided upon yet, so that nobody waits behind others' first strikes.
func (t *round) urgent() (all []decision) {
	for i := range t.contracts {
		for _, v := range t.fresh(&t.contracts[i]) {
			all = append(all, decision{contract: &t.contracts[i], violation: v})
		}
	}
	strikes := func(d decision) int32 { return min(d.violation.Strike, 3) }
	decided := func(d decision) int { return min(len(d.violation.Decision), 1) }
	slices.SortStableFunc(all, func(a, b decision) int {
		return cmp.Or(cmp.Compare(strikes(b), strikes(a)), cmp.Compare(decided(a), decided(b)))
	})
	return all[:min(len(all), maxAsks)]
}

func (t *round) skewed() bool {
	return t.Clock.Local().Sub(t.Clock.Server()).Abs() > budget.ClockTolerance
}

// storms notes where so many violate at once that nobody acts, and pages people when one begins.
func (t *round) storms() {
	violating, watched := 0, 0
	for i := range t.contracts {
		c := &t.contracts[i]
		n := map[string]bool{}
		for _, v := range c.Status.Violating { // also those not heard of lately: their end has not been reported either
			n[v.UID] = true
		}
		violating, watched = violating+len(n), watched+int(c.Status.Pods.Watched)
		if t.ledger.Observe(t.limits, key(c), len(n), int(c.Status.Pods.Watched), t.now) {
			t.Events.Eventf(c, nil, corev1.EventTypeWarning, "Storm", "Freeze", "%d of %d pods violate at once: nothing is begun, a person is needed", len(n), c.Status.Pods.Watched)
		}
	}
	if t.ledger.Observe(t.limits, "", violating, watched, t.now) {
		t.Events.Eventf(t.policy, nil, corev1.EventTypeWarning, "Storm", "Freeze", "%d of %d pods in the cluster violate at once: nothing is begun, a person is needed", violating, watched)
	}
}

// ask reads what the decision rests upon.
func (t *round) ask(ctx context.Context, c *v1alpha1.StabilityContract, v v1alpha1.PodViolation) (budget.Verdict, error) {
	value, err := strconv.ParseFloat(v.Value, 64)
	ask := budget.Ask{Incident: incident(v), Contract: key(c), Reading: budget.Violated, Value: value, Strike: int(v.Strike), Proven: v.Proven, Reported: v.Reported.Time,
		Accepted: meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionAccepted) && c.Status.ObservedGeneration == c.Generation,
		Enforce:  c.Spec.Mode == "enforce", Most: budget.Action(c.Spec.Action)}
	if err != nil {
		ask.Reading = budget.Inconclusive
	}
	var pod corev1.Pod
	switch err := t.Reader.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: v.Pod}, &pod); {
	case apierrors.IsNotFound(err) || err == nil && string(pod.UID) != v.UID:
		return budget.Verdict{Reason: "Gone", Message: "the pod is gone"}, nil
	case err != nil:
		return budget.Verdict{}, err
	}
	ask.Target = budget.Target{Namespace: pod.Namespace, Workload: act.OwnerOf(&pod), Pod: pod.Name, UID: string(pod.UID)}
	// The pods of the workload are read only if all else would let it act.
	if ask.Workload.Known, ask.Workload.Wanted, ask.Workload.Ready = true, 1<<20, 1<<20; true {
		if verdict := budget.Decide(t.limits, &t.ledger, ask, t.Clock.Local(), t.now); verdict.Entry == nil {
			return verdict, nil
		}
	}
	if ask.Workload, err = act.ReadWorkload(ctx, t.Reader, ask.Target.Namespace, ask.Target.Workload, &pod); err != nil && !apierrors.IsNotFound(err) {
		return budget.Verdict{Reason: "NoReason", Message: err.Error()}, nil
	}
	return budget.Decide(t.limits, &t.ledger, ask, t.Clock.Local(), t.now), nil
}

// incident is the same for each report of one violation of one pod.
func incident(v v1alpha1.PodViolation) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", v.UID, v.Check, v.Since.Unix()))
	return hex.EncodeToString(sum[:8])
}

// tell writes what was decided into the contracts' status, where it has changed, and tells it by an event. That others have written one
// of them meanwhile keeps nobody from hearing of the rest.
func (t *round) tell(ctx context.Context) (conflict error) {
	for i := range t.contracts {
		c := &t.contracts[i]
		before := c.DeepCopy()
		for _, d := range t.decisions {
			if d.contract != c {
				continue
			}
			at := slices.IndexFunc(c.Status.Violating, func(v v1alpha1.PodViolation) bool { return v.UID == d.violation.UID && v.Check == d.violation.Check })
			if at < 0 {
				continue
			}
			v, reason, message := &c.Status.Violating[at], d.verdict.Reason, d.verdict.Message
			if e := d.verdict.Earlier; e != nil {
				reason, message = e.Reason(), e.Why // whoever entered it may not have come to tell it
			}
			words := string(reason) + ": " + message
			if v.Decision == words {
				continue
			}
			v.Decision = words
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: v.Pod, UID: types.UID(v.UID)}, TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}}
			t.Events.Eventf(pod, c, corev1.EventTypeWarning, string(reason), "Decide", "%s/%s is violated: value %s, threshold %s, strike %d; %s; evidence: %s",
				c.Name, v.Check, v.Value, v.Threshold, v.Strike, message, clip(cmp.Or(v.Evidence, "none"), 256))
		}
		t.summarise(c)
		if !equalStatus(before, c) {
			switch err := t.Status().Update(ctx, c); {
			case apierrors.IsConflict(err):
				conflict = err
			case err != nil:
				return err
			}
		}
	}
	return conflict
}

// steps takes each action as far as it goes, one call at a time, with the ledger read anew and written after each.
func (t *round) steps(ctx context.Context) error {
	for _, id := range ids(t.ledger) {
		for range 8 {
			if err := t.read(ctx); err != nil {
				return err
			}
			e := t.ledger.Find(id)
			if e == nil || e.Phase == budget.Ended {
				break
			}
			x := &act.Executor{Reader: t.Reader, Client: t.Client, Clock: t.Clock, Healthy: t.healthy, Pulled: t.pulled, Say: t.say}
			was := *e
			more, err := x.Step(ctx, t.limits, e, t.ledger.Pending(*e))
			if apierrors.IsTooManyRequests(err) || apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
				break // it is looked at anew in the next round
			}
			if err != nil {
				return err
			}
			if *e != was {
				if err := t.save(ctx); err != nil {
					return err
				}
			}
			if !more {
				break
			}
		}
	}
	return nil
}

func ids(l budget.Ledger) (all []string) {
	for _, e := range l.Entries {
		if e.Phase != budget.Ended {
			all = append(all, e.ID)
		}
	}
	return all
}

// healthy reports whether the violation of an entry is listed no more.
func (t *round) healthy(_ context.Context, e budget.Entry) (bool, error) {
	for i := range t.contracts {
		if c := &t.contracts[i]; key(c) == e.Contract {
			return !slices.ContainsFunc(c.Status.Violating, func(v v1alpha1.PodViolation) bool { return incident(v) == e.Incident }), nil
		}
	}
	return true, nil // the contract is gone
}

func (t *round) say(object client.Object, e budget.Entry, step budget.Step, why string) {
	if why == "" {
		why = e.Why
	}
	if link := t.evidence(e); link != "" {
		why += "; evidence: " + clip(link, 256)
	}
	t.Events.Eventf(object, t.policy, corev1.EventTypeNormal, string(e.Action)+string(step), string(step), "%s of pod %s for %s: %s", e.Action, e.Target.Pod, e.Contract, why)
}

// SetupWithManager makes it run, one round at a time, whenever a policy or a contract changes.
func (r *ActionReconciler) SetupWithManager(m ctrl.Manager) error {
	one := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: PolicyName}}}
	})
	return ctrl.NewControllerManagedBy(m).For(&v1alpha1.StabilityPolicy{}).Named("action").
		Watches(&v1alpha1.StabilityContract{}, one).Complete(r)
}
