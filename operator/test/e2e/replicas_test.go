//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// leading lets an operator live until it is about to change a pod, and then nothing more through.
type leading struct {
	next http.RoundTripper
	dead *atomic.Bool
}

func (l *leading) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/pods/") {
		l.dead.Store(true)
	}
	if l.dead.Load() {
		return nil, errKilled
	}
	return l.next.RoundTrip(r)
}

// changing counts the changes of pods that an operator makes.
type changing struct {
	next http.RoundTripper
	mu   *sync.Mutex
	pods map[string]int
}

func (c *changing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/pods/") {
		c.mu.Lock()
		c.pods[r.URL.Path]++
		c.mu.Unlock()
	}
	return c.next.RoundTrip(r)
}

// Of two replicas one leads, and both take reports in. The leader is killed between what it has entered and what it would do: the
// other goes on, and does it once.
func TestTheOtherReplicaGoesOn(t *testing.T) {
	p := newPlace(t, acting())
	p.lead = true
	var dead atomic.Bool
	first := rest.CopyConfig(plane.config)
	first.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return &leading{next, &dead} }
	stop := p.operate(first)
	p.wait("the first leads, for the contract is accepted", func() bool { return p.contract().Status.Pods.Watched == 3 })
	holder := p.leader()
	pods, mu := map[string]int{}, &sync.Mutex{}
	second := rest.CopyConfig(plane.config)
	second.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return &changing{next, mu, pods} }
	p.operate(second)
	sick := p.pods("pay")[0]
	if got := p.report(p.token(sick, "stability"), violation(3, time.Now())); got != 200 {
		t.Fatalf("a replica that does not lead takes no report in: %d", got)
	}
	p.wait("the first dies before it acts", dead.Load)
	if l := p.ledger(); len(l) != 1 || l[0].Applied != nil || p.leader() != holder {
		t.Errorf("it died with %+v, and %s led, not %s", l, p.leader(), holder)
	}
	stop()
	p.wait("the other leads, and the pod is quarantined", func() bool { return p.leader() != holder && len(p.quarantined()) == 1 })
	p.wait("it is replaced", func() bool { return len(p.pods("pay")) == 3 && len(p.all()) == 4 })
	p.wait("the ledger says that it is done", func() bool { l := p.ledger(); return len(l) == 1 && l[0].Applied != nil })
	mu.Lock()
	defer mu.Unlock()
	for _, n := range pods {
		if len(pods) != 1 || n != 1 {
			t.Errorf("changed were %v", pods)
		}
	}
}

// leader is who holds the lease.
func (p *place) leader() string {
	p.Helper()
	var lease coordinationv1.Lease
	if err := plane.client.Get(p.Context(), types.NamespacedName{Namespace: "stability-system", Name: "operator.stability.falsifiable.dev"}, &lease); err != nil {
		p.Fatal(err)
	}
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}
