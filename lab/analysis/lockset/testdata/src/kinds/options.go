package kinds

import "sync/atomic"

type optioned struct{ rto int64 }

type optionedOption func(*optioned)

func newOptioned(opts ...optionedOption) *optioned {
	o := &optioned{rto: 1}
	for _, f := range opts {
		f(o)
	}
	return o
}

func withRTO(n int64) optionedOption { return func(o *optioned) { o.rto = n } }

func withoutRTO(o *optioned) {
	if o.rto == 0 {
		o.rto = 7
	}
}

func (o *optioned) set(n int64)    { atomic.StoreInt64(&o.rto, n) }
func (o *optioned) get() int64     { return atomic.LoadInt64(&o.rto) }
func (o *optioned) reset(n string) { o.rto = 0 } // want `rto is accessed by sync/atomic elsewhere`
