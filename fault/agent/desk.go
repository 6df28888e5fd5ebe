package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/falsifiable/stability/fault"
)

// maxOrders bounds the faults that are at work or wait for somebody to ask what became of them.
const maxOrders = 64

var (
	errUnknown = errors.New("there is no such order")
	errFull    = fmt.Errorf("%d orders are open: delete some", maxOrders)
)

// desk keeps the orders. Safe for concurrent use.
type desk struct {
	faults []fault.Fault
	scale  float64

	mu     sync.Mutex
	orders map[string]*order
	serial int
}

// order is one fault at work, or one that its lease has ended and nobody has asked about yet.
type order struct {
	id        string
	serial    int
	injection fault.Injection
	lease     time.Duration
	expiry    *time.Timer
	ctx       context.Context
	cancel    context.CancelCauseFunc
}

func newDesk(faults []fault.Fault, scale float64) *desk {
	return &desk{faults: faults, scale: scale, orders: make(map[string]*order)}
}

// place starts a fault. Its context is the order's own and not a request's, and ends with the lease or the limit.
func (d *desk) place(name string, o fault.Order) (id string, err error) {
	f, err := fault.Find(withOwn(d.faults), name)
	if err != nil {
		return "", err
	}
	lease, err := duration("lease", o.Lease, fault.DefaultLease)
	if err != nil {
		return "", err
	}
	limit, err := duration("limit", o.Limit, fault.DefaultLimit)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.orders) >= maxOrders {
		return "", errFull
	}
	limited, stop := context.WithTimeoutCause(context.Background(), limit, fmt.Errorf("its limit of %v is over", limit))
	ctx, cancel := context.WithCancelCause(limited)
	context.AfterFunc(ctx, stop)
	injection, err := f.Inject(ctx, o.Params, o.Seed)
	if err != nil {
		cancel(err)
		return "", err
	}
	d.serial++
	made := &order{
		id: name + "-" + strconv.Itoa(d.serial), serial: d.serial,
		injection: injection, lease: lease, ctx: ctx, cancel: cancel,
	}
	made.expiry = time.AfterFunc(lease, func() { cancel(fmt.Errorf("nobody asked for %v", lease)) })
	d.orders[made.id] = made
	return made.id, nil
}

func duration(what string, d, standard time.Duration) (time.Duration, error) {
	switch {
	case d == 0:
		return standard, nil
	case d < 0 || d > fault.MaxLimit:
		return 0, fmt.Errorf("fault: ordering: %s %v is not between 0 and %v", what, d, fault.MaxLimit)
	}
	return d, nil
}

// renew puts off the expiry of every fault that is still at work.
func (d *desk) renew() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.orders {
		if o.expiry.Stop() {
			o.expiry.Reset(o.lease)
		}
	}
}

func (d *desk) witness(id string) (fault.Witness, error) {
	d.mu.Lock()
	o := d.orders[id]
	d.mu.Unlock()
	if o == nil {
		return fault.Witness{}, errUnknown
	}
	w := o.injection.Witness()
	if o.ctx.Err() != nil {
		w.Active = false
		w.Detail = fmt.Sprintf("the agent removed the fault: %v; %s", context.Cause(o.ctx), w.Detail)
	}
	return w, nil
}

// remove ends a fault. One that could not be removed in time stays on the desk, so that it can be asked for again.
func (d *desk) remove(ctx context.Context, id string) (fault.Residue, error) {
	d.mu.Lock()
	o := d.orders[id]
	d.mu.Unlock()
	if o == nil {
		return fault.Residue{}, errUnknown
	}
	residue, err := o.injection.Remove(ctx)
	if err != nil {
		return residue, err
	}
	o.expiry.Stop()
	o.cancel(errors.New("it was asked to"))
	d.mu.Lock()
	delete(d.orders, id)
	d.mu.Unlock()
	return residue, nil
}

// removeAll ends all faults at the same time and reports on each, in the order in which they were placed.
func (d *desk) removeAll(ctx context.Context) []fault.Removed {
	d.mu.Lock()
	open := slices.SortedFunc(maps.Values(d.orders), func(a, b *order) int { return a.serial - b.serial })
	d.mu.Unlock()
	removed := make([]fault.Removed, len(open))
	var all sync.WaitGroup
	for i, o := range open {
		all.Go(func() {
			residue, err := d.remove(ctx, o.id)
			removed[i] = fault.Removed{ID: o.id, Residue: residue}
			if err != nil && !errors.Is(err, errUnknown) { // unknown: somebody else removed it meanwhile
				removed[i].Error = err.Error()
			}
		})
	}
	all.Wait()
	return removed
}
