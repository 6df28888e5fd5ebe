//go:build e2e

package e2e

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"k8s.io/client-go/rest"
)

// dying lets so many writes through, and then nothing more: to the API server it is an operator that was killed. With late the
// last write arrives and its answer does not.
type dying struct {
	next   http.RoundTripper
	left   *atomic.Int64
	late   bool
	writes *atomic.Int64
}

var errKilled = errors.New("the operator was killed")

// counted are the writes by which an action is done; those of the intake and of events are others' business.
func counted(r *http.Request) bool {
	if r.Method == http.MethodGet || strings.Contains(r.URL.Path, "/events") || strings.Contains(r.URL.Path, "tokenreviews") {
		return false
	}
	return true
}

func (d *dying) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.left.Load() <= 0 {
		return nil, errKilled
	}
	if !counted(r) {
		return d.next.RoundTrip(r)
	}
	d.writes.Add(1)
	if d.left.Add(-1) > 0 {
		return d.next.RoundTrip(r)
	}
	if !d.late {
		return nil, errKilled
	}
	answer, err := d.next.RoundTrip(r)
	if err == nil {
		_ = answer.Body.Close()
	}
	return nil, errKilled
}

// An operator is killed at each of its writes, before and after the write, and another goes on: one pod is quarantined, once, and it
// is restored when its time is over.
func TestKilledBetweenAnyTwoCalls(t *testing.T) {
	for _, late := range []bool{false, true} {
		for n := int64(1); ; n++ {
			if n > 40 {
				t.Fatal("an action takes more than 40 writes")
			}
			if killedAt(t, n, late) {
				t.Logf("late %v: every one of %d writes", late, n-1)
				break
			}
		}
	}
}

// killedAt reports whether the first operator was through before its n-th write.
func killedAt(t *testing.T, n int64, late bool) (through bool) {
	t.Run("", func(t *testing.T) {
		policy := acting()
		policy.AfterTTL, policy.TTL.Duration = "Restore", 3*time.Second
		p := newPlace(t, policy)
		sick := p.pods("pay")[0]
		var left, writes atomic.Int64
		left.Store(n)
		mortal := rest.CopyConfig(plane.config)
		mortal.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return &dying{next, &left, late, &writes} }
		stop := p.operate(mortal)
		token, since := p.token(sick, "stability"), time.Now()
		settled := func() bool {
			l := p.ledger()
			return len(l) == 1 && l[0].Phase == "Ended"
		}
		for end := time.Now().Add(20 * time.Second); left.Load() > 0 && time.Now().Before(end) && !settled(); time.Sleep(300 * time.Millisecond) {
			if len(p.ledger()) == 0 {
				p.report(token, violation(3, since))
			}
		}
		through = left.Load() > 0
		stop()
		p.operate(plane.config)
		p.wait("it is settled", func() bool {
			if len(p.ledger()) == 0 {
				p.report(token, violation(3, since))
			}
			if n := len(p.quarantined()); n > 1 {
				t.Fatalf("%d pods are quarantined", n)
			}
			return settled()
		})
		p.wait("three pods are there, and none is quarantined", func() bool { return len(p.all()) == 3 && len(p.pods("pay")) == 3 && len(p.quarantined()) == 0 })
		bore := 0
		for _, pod := range p.all() {
			if pod.Annotations[v1alpha1.AnnotationBore] != "" {
				bore++
			}
		}
		if l := p.ledger(); len(l) != 1 || l[0].Applied == nil || bore > 1 {
			t.Errorf("the ledger is %+v, and %d pods bore an action", l, bore)
		}
	})
	return through || t.Failed()
}
