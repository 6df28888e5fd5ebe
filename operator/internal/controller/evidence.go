package controller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/budget"
	"github.com/falsifiable/stability/operator/internal/intake"
	"github.com/falsifiable/stability/operator/internal/store"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// How long the cache may take to show a report that was written by another call, perhaps of another operator.
const (
	namedWithin = 3 * time.Second
	namedEvery  = 100 * time.Millisecond
)

// How long an action waits for the evidence that its violation names, and for an answer of the store: whatever that does, other
// actions go on.
const (
	evidenceWithin = 20 * time.Second
	answerWithin   = 2 * time.Second
)

// Evidence takes evidence from the pods that violate, and no more than their violations name: a token alone gives nobody room.
type Evidence struct {
	Client client.Reader
	Store  *store.Store
}

var _ intake.Keeper = (*Evidence)(nil)

// Named returns nil once a violation of the pod names the bundle.
func (k *Evidence) Named(ctx context.Context, from intake.Sender, bundle string) error {
	err := wait.PollUntilContextTimeout(ctx, namedEvery, namedWithin, true, func(ctx context.Context) (bool, error) { return k.named(ctx, from, bundle) })
	if wait.Interrupted(err) && ctx.Err() == nil {
		return intake.ErrNotFound
	}
	return err
}

// Keep keeps one file.
func (k *Evidence) Keep(ctx context.Context, from intake.Sender, bundle, file string, size int64, content io.Reader) error {
	err := k.Store.Put(ctx, store.Bundle{Namespace: from.Namespace, Pod: from.Pod, ID: bundle}, file, size, content)
	for ours, theirs := range map[error]error{store.ErrFull: intake.ErrFull, store.ErrBusy: intake.ErrBusy, store.ErrName: intake.ErrName} {
		if errors.Is(err, ours) {
			return fmt.Errorf("%w: %w", theirs, err)
		}
	}
	return err
}

// named reports whether a violation of the pod names the bundle.
func (k *Evidence) named(ctx context.Context, from intake.Sender, bundle string) (bool, error) {
	var list v1alpha1.StabilityContractList
	if err := k.Client.List(ctx, &list, client.InNamespace(from.Namespace)); err != nil {
		return false, err
	}
	for i := range list.Items {
		for _, v := range list.Items[i].Status.Violating {
			if v.Pod == from.Pod && v.UID == from.PodUID && v.Evidence != "" && path.Base(v.Evidence) == bundle {
				return true, nil
			}
		}
	}
	return false, nil
}

// pulled reports whether the evidence of an entry's violation is in the store, or need not be waited for: there is no store, the
// violation names none, or it has had its time.
func (t *round) pulled(ctx context.Context, e budget.Entry) (bool, error) {
	link := t.evidence(e)
	if t.Store == nil || link == "" || t.now.Sub(e.Granted) > evidenceWithin {
		return true, nil
	}
	return t.whole(ctx, store.Bundle{Namespace: e.Target.Namespace, Pod: e.Target.Pod, ID: path.Base(link)}), nil
}

// evidence is what an entry's violation says of its evidence, "" if it says nothing, or is no longer listed.
func (t *round) evidence(e budget.Entry) string {
	for i := range t.contracts {
		if key(&t.contracts[i]) != e.Contract {
			continue
		}
		for _, v := range t.contracts[i].Status.Violating {
			if incident(v) == e.Incident {
				return v.Evidence
			}
		}
	}
	return ""
}

// whole asks the store. One that does not answer is asked again in the next round.
func (t *round) whole(ctx context.Context, b store.Bundle) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	there, err := t.Store.Whole(ctx, b)
	if err != nil {
		log.FromContext(ctx).Error(err, "asking the store of evidence", "bundle", b)
	}
	return there && err == nil
}
