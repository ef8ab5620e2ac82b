package rawhttp

import (
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	// Each power of two is cut into 64 buckets, so a percentile is less than
	// 1/64 above the true value.
	subBits  = 6
	maxPower = 41 // about 36 minutes; what is longer counts as that
	buckets  = (maxPower - subBits + 1) << subBits
)

// histogram counts durations. It may be added to by many goroutines at once.
type histogram struct {
	count [buckets]atomic.Int64
	n     atomic.Int64
	sum   atomic.Int64
	max   atomic.Int64
}

func bucketOf(v int64) int {
	if v < 1<<subBits {
		return int(max(v, 0))
	}
	power := bits.Len64(uint64(v)) - 1 - subBits
	return min(buckets-1, (power+1)<<subBits|int(v>>power)&(1<<subBits-1))
}

// upper is the largest value that falls into a bucket.
func upper(bucket int) int64 {
	if bucket < 1<<subBits {
		return int64(bucket)
	}
	power := bucket>>subBits - 1
	return (1<<subBits|int64(bucket)&(1<<subBits-1)+1)<<power - 1
}

func (h *histogram) add(d time.Duration) {
	v := int64(d)
	h.count[bucketOf(v)].Add(1)
	h.n.Add(1)
	h.sum.Add(v)
	for m := h.max.Load(); v > m && !h.max.CompareAndSwap(m, v); m = h.max.Load() {
	}
}

// percentile returns a duration that the part p (0 to 1) of all do not exceed.
func (h *histogram) percentile(p float64) time.Duration {
	want := int64(p * float64(h.n.Load()))
	seen := int64(0)
	for i := range h.count {
		seen += h.count[i].Load()
		if seen > 0 && seen >= want {
			return time.Duration(min(upper(i), h.max.Load()))
		}
	}
	return time.Duration(h.max.Load())
}

func (h *histogram) latency() Latency {
	n := h.n.Load()
	if n == 0 {
		return Latency{}
	}
	return Latency{
		Mean: time.Duration(h.sum.Load() / n),
		P50:  h.percentile(0.50), P95: h.percentile(0.95), P99: h.percentile(0.99),
		Max: time.Duration(h.max.Load()),
	}
}
