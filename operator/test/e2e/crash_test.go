//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"k8s.io/client-go/rest"
)

// dying lets so many writes through, and then nothing more: to the API server it is an operator that was killed. The last write
// arrives and its answer does not. An operator that is killed before a write leaves the same as one killed after the write before it.
type dying struct {
	next http.RoundTripper
	left *atomic.Int64
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
	left := d.left.Add(-1)
	if left > 0 {
		return d.next.RoundTrip(r)
	}
	if left == 0 {
		if answer, err := d.next.RoundTrip(r); err == nil {
			_ = answer.Body.Close()
		}
	}
	return nil, errKilled
}

// restoring is a policy whose quarantine is soon over.
func restoring() v1alpha1.StabilityPolicySpec {
	policy := acting()
	policy.AfterTTL, policy.TTL.Duration = "Restore", time.Second
	return policy
}

// mortal starts an operator that is killed after so many writes.
func (p *place) mortal(writes int64) (left *atomic.Int64, stop func()) {
	p.Helper()
	left = &atomic.Int64{}
	left.Store(writes)
	cfg := rest.CopyConfig(plane.config)
	cfg.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return &dying{next, left} }
	return left, p.operate(cfg)
}

// settled reports whether the one action is over. Until one is entered, the pod reports, at each call with a higher strike.
func (p *place) settled(token string, since time.Time, strike *int) bool {
	p.Helper()
	l := p.ledger()
	if len(l) == 0 {
		*strike++
		p.report(token, violation(*strike, since))
	}
	if n := len(p.quarantined()); n > 1 {
		p.Fatalf("%d pods are quarantined", n)
	}
	return len(l) == 1 && l[0].Phase == "Ended"
}

// whole fails the test unless one pod was quarantined, once, and all three are back.
func (p *place) whole() {
	p.Helper()
	p.wait("three pods are there, and none is quarantined", func() bool { return len(p.all()) == 3 && len(p.pods("pay")) == 3 && len(p.quarantined()) == 0 })
	bore := 0
	for _, pod := range p.all() {
		if pod.Annotations[v1alpha1.AnnotationBore] != "" {
			bore++
		}
	}
	if l := p.ledger(); len(l) != 1 || l[0].Applied == nil || bore > 1 {
		p.Errorf("the ledger is %+v, and %d pods bore an action", l, bore)
	}
}

// An operator is killed after each of its writes, and another goes on.
func TestKilledBetweenAnyTwoCalls(t *testing.T) {
	for n := int64(1); !killedAfter(t, n); n++ {
		if n > 40 {
			t.Fatal("an action takes more than 40 writes")
		}
	}
}

// killedAfter reports whether the first operator was through before its n-th write.
func killedAfter(t *testing.T, n int64) (through bool) {
	t.Run(fmt.Sprint("write ", n), func(t *testing.T) {
		p := newPlace(t, restoring())
		left, stop := p.mortal(n)
		token, since, strike := p.token(p.pods("pay")[0], "stability"), time.Now(), 2
		p.wait("it is killed, or through", func() bool { return p.settled(token, since, &strike) || left.Load() <= 0 })
		through = left.Load() > 0
		stop()
		p.operate(plane.config)
		p.wait("it is settled", func() bool { return p.settled(token, since, &strike) })
		p.whole()
	})
	return through || t.Failed()
}

// Every operator is killed after so many writes, also each that goes on for another: what one begins the tenth may end.
func TestEveryOperatorIsKilled(t *testing.T) {
	for _, writes := range []int64{1, 2, 3} {
		t.Run(fmt.Sprint("after ", writes), func(t *testing.T) {
			p := newPlace(t, restoring())
			token, since, strike := p.token(p.pods("pay")[0], "stability"), time.Now(), 2
			operators := 0
			for over := false; !over; operators++ {
				if operators > 40 {
					p.dump()
					t.Fatal("40 operators have not come to an end")
				}
				left, stop := p.mortal(writes)
				p.wait("it is killed, or through", func() bool { over = p.settled(token, since, &strike); return over || left.Load() <= 0 })
				stop()
			}
			t.Logf("%d operators, each killed after %d writes", operators, writes)
			p.whole()
		})
	}
}
