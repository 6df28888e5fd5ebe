package latency

import (
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	for _, d := range []time.Duration{-1, 0, 1, 127, 128, 999, time.Microsecond, 2048, 2049, time.Millisecond, 17 * time.Millisecond,
		time.Second, time.Minute, 36 * time.Minute, 100 * time.Hour} {
		i := bucket(d)
		if i < 0 || i >= bucketCount {
			t.Fatalf("bucket(%v) = %d, out of range", d, i)
		}
		if s := max(d, 0).Seconds(); s < bounds[i] || s >= bounds[i+1] {
			t.Errorf("bucket(%v) = %d, from %v to %v s", d, i, bounds[i], bounds[i+1])
		}
	}
	for i := range bucketCount - 1 {
		if low, high := bounds[i], bounds[i+1]; high <= low || (i >= 16 && high/low > 1.13) {
			t.Errorf("bucket %d reaches from %v to %v s", i, low, high)
		}
	}
}
