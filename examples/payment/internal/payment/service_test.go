package payment

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// fakes stands for all three dependencies.
type fakes struct {
	orders map[string]Order // by key
	recent map[string]Order // by key

	score                         float64
	scoreErr, memoryErr, storeErr error
	scored, recorded              int
}

func (f *fakes) Record(_ context.Context, o Order, key string) (Order, bool, error) {
	if f.storeErr != nil {
		return Order{}, false, f.storeErr
	}
	if old, taken := f.orders[key]; taken && key != "" {
		return old, false, nil
	}
	f.recorded++
	f.orders[key] = o
	return o, true, nil
}

func (f *fakes) Order(context.Context, string) (Order, error) { return Order{}, ErrNotFound }

func (f *fakes) Recall(_ context.Context, key string) (Order, bool, error) {
	o, found := f.recent[key]
	return o, found, f.memoryErr
}

func (f *fakes) Remember(_ context.Context, key string, o Order) error {
	if f.memoryErr == nil {
		f.recent[key] = o
	}
	return f.memoryErr
}

func (f *fakes) Score(ctx context.Context, _ Request) (float64, error) {
	f.scored++
	return f.score, errors.Join(f.scoreErr, ctx.Err())
}

func newFakes() *fakes {
	return &fakes{orders: map[string]Order{}, recent: map[string]Order{}, score: 0.1}
}

func (f *fakes) service() *Service { return &Service{Ledger: f, Memory: f, Scorer: f} }

var errDown = errors.New("down")

func TestPay(t *testing.T) {
	tests := []struct {
		name     string
		amount   int64
		spoil    func(*fakes)
		status   Status
		degraded []string
		err      error
	}{
		{name: "all well", amount: 1299, status: Approved},
		{name: "risky", amount: 1299, spoil: func(f *fakes) { f.score = DeclineAt }, status: Declined},
		{name: "scorer down, small", amount: UncheckedLimit, spoil: func(f *fakes) { f.scoreErr = errDown },
			status: InReview, degraded: []string{"risk"}},
		{name: "scorer down, large", amount: UncheckedLimit + 1, spoil: func(f *fakes) { f.scoreErr = errDown },
			err: ErrUnavailable},
		{name: "memory down", amount: 1299, spoil: func(f *fakes) { f.memoryErr = errDown },
			status: Approved, degraded: []string{"idempotency-cache"}},
		{name: "both down", amount: 1299, spoil: func(f *fakes) { f.memoryErr, f.scoreErr = errDown, errDown },
			status: InReview, degraded: []string{"idempotency-cache", "risk"}},
		{name: "ledger down", amount: 1299, spoil: func(f *fakes) { f.storeErr = errDown }, err: ErrUnavailable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFakes()
			if test.spoil != nil {
				test.spoil(f)
			}
			receipt, err := f.service().Pay(t.Context(), Request{Account: "a", Amount: test.amount, Currency: "EUR", Key: "k"})
			if !errors.Is(err, test.err) {
				t.Fatalf("got error %v, want %v", err, test.err)
			}
			if receipt.Order.Status != test.status || !slices.Equal(receipt.Degraded, test.degraded) {
				t.Errorf("got %q without %q, want %q without %q",
					receipt.Order.Status, receipt.Degraded, test.status, test.degraded)
			}
			if test.err != nil && f.recorded != 0 {
				t.Error("a payment that failed was recorded")
			}
		})
	}
}

func TestPayTwice(t *testing.T) {
	for _, memory := range []string{"remembers", "forgets", "is down"} {
		t.Run("memory "+memory, func(t *testing.T) {
			f := newFakes()
			request := Request{Account: "a", Amount: 1299, Currency: "EUR", Key: "k"}
			first, err := f.service().Pay(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			switch memory {
			case "forgets":
				clear(f.recent)
			case "is down":
				clear(f.recent)
				f.memoryErr = errDown
			}
			second, err := f.service().Pay(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if !second.Replayed || second.Order.ID != first.Order.ID || f.recorded != 1 {
				t.Errorf("got replayed=%t order %s, %d recorded; want the first one's %s, once",
					second.Replayed, second.Order.ID, f.recorded, first.Order.ID)
			}
			if memory == "remembers" && f.scored != 1 {
				t.Errorf("scored %d times, want once: the memory is there to save that", f.scored)
			}
			request.Amount++
			if _, err := f.service().Pay(t.Context(), request); !errors.Is(err, ErrKeyReused) {
				t.Errorf("another payment with the same key: got %v, want ErrKeyReused", err)
			}
		})
	}
}

func TestPayWithoutKey(t *testing.T) {
	f := newFakes()
	f.memoryErr = errDown
	for range 2 {
		receipt, err := f.service().Pay(t.Context(), Request{Account: "a", Amount: 1299, Currency: "EUR"})
		if err != nil || receipt.Replayed || receipt.Degraded != nil {
			t.Fatalf("got %+v, %v: a payment without a key has nothing to remember", receipt, err)
		}
	}
	if f.recorded != 2 {
		t.Errorf("recorded %d payments, want 2", f.recorded)
	}
}

// A caller whose time is up is not a scorer that is down: nothing may be accepted unchecked for it.
func TestPayAfterDeadline(t *testing.T) {
	f := newFakes()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(context.DeadlineExceeded)
	_, err := f.service().Pay(ctx, Request{Account: "a", Amount: 1299, Currency: "EUR"})
	if !errors.Is(err, context.DeadlineExceeded) || f.recorded != 0 {
		t.Errorf("got %v with %d recorded, want the context's cause and none", err, f.recorded)
	}
}

func TestValidate(t *testing.T) {
	good := Request{Account: "a", Amount: 1, Currency: "EUR"}
	long := string(make([]byte, 300))
	tests := []struct {
		field  string
		spoil  func(*Request)
		reason string
	}{
		{"", func(*Request) {}, "nothing is wrong"},
		{"account", func(r *Request) { r.Account = "" }, "empty"},
		{"account", func(r *Request) { r.Account = long }, "too long"},
		{"amount", func(r *Request) { r.Amount = 0 }, "zero"},
		{"amount", func(r *Request) { r.Amount = -1 }, "negative"},
		{"amount", func(r *Request) { r.Amount = MaxAmount + 1 }, "too large"},
		{"currency", func(r *Request) { r.Currency = "eur" }, "small letters"},
		{"currency", func(r *Request) { r.Currency = "EURO" }, "four letters"},
		{"currency", func(r *Request) { r.Currency = "" }, "empty"},
		{"idempotency key", func(r *Request) { r.Key = long }, "too long"},
	}
	for _, test := range tests {
		r := good
		test.spoil(&r)
		field := ""
		if invalid, ok := errors.AsType[*InvalidError](r.Validate()); ok {
			field = invalid.Field
		}
		if field != test.field {
			t.Errorf("%s: %q is blamed, want %q", test.reason, field, test.field)
		}
	}
}
