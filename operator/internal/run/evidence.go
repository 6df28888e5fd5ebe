package run

import (
	"context"
	"time"

	"github.com/falsifiable/stability/operator/internal/store"
	"github.com/falsifiable/stability/response/quarantine"
	"k8s.io/apimachinery/pkg/api/resource"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Evidence says where the evidence is kept that pods send, and how much of it.
type Evidence struct {
	Address          string // empty: none is taken
	Total, Namespace resource.QuantityValue
	Keep             time.Duration
}

// sweepEvery is also how long two operators may not know of what the other one takes; sweepAgain, how soon a store that could not be
// looked at is looked at again.
const (
	sweepEvery = 10 * time.Minute
	sweepAgain = time.Minute
)

// open returns nil when there is to be no store.
func (e Evidence) open(ctx context.Context) (*store.Store, error) {
	if e.Address == "" {
		return nil, nil
	}
	return store.Open(ctx, e.Address, store.Limits{Total: e.Total.Value(), Namespace: e.Namespace.Value(), Bundle: quarantine.MaxEvidence + maxManifest, Keep: e.Keep})
}

// maxManifest is what package evidence lets a manifest become.
const maxManifest = 256 << 10

// sweeping sweeps a store until ctx ends, on operators that do not lead too: each counts for itself. A store that is away keeps the
// operator from nothing but from taking evidence.
func sweeping(s *store.Store) everywhere {
	return func(ctx context.Context) error {
		defer s.Close()
		for {
			next := sweepEvery
			if err := s.Sweep(ctx); err != nil {
				next = sweepAgain
				ctrl.Log.Error(err, "sweeping the store of evidence")
			}
			timer := time.NewTimer(next)
			select {
			case <-ctx.Done():
				timer.Stop()
				return nil
			case <-timer.C:
			}
		}
	}
}
