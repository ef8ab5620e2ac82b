package rawhttp

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsAreWithoutGap(t *testing.T) {
	t.Parallel()
	for i := range buckets - 1 {
		if got := bucketOf(upper(i)); got != i {
			t.Fatalf("bucket of %d is %d, want %d", upper(i), got, i)
		}
		if got := bucketOf(upper(i) + 1); got != i+1 {
			t.Fatalf("bucket of %d is %d, want %d", upper(i)+1, got, i+1)
		}
	}
	for _, v := range []int64{-1, 0} {
		if bucketOf(v) != 0 {
			t.Errorf("bucket of %d is %d", v, bucketOf(v))
		}
	}
	if got := bucketOf(1 << 62); got != buckets-1 {
		t.Errorf("bucket of an age is %d", got)
	}
}

// TestPercentilesAgainstSorting compares with the exact answer.
func TestPercentilesAgainstSorting(t *testing.T) {
	t.Parallel()
	var h histogram
	rng := rand.New(rand.NewPCG(1, 2))
	all := make([]time.Duration, 20_000)
	var sum time.Duration
	for i := range all {
		all[i] = time.Duration(rng.ExpFloat64() * float64(2*time.Millisecond))
		sum += all[i]
		h.add(all[i])
	}
	slices.Sort(all)
	l := h.latency()
	for _, v := range []struct {
		got  time.Duration
		rank float64
	}{{l.P50, .5}, {l.P95, .95}, {l.P99, .99}, {l.Max, 1}} {
		exact := all[int(v.rank*float64(len(all)))-1]
		if v.got < exact || float64(v.got) > float64(exact)*(1+1.0/64)+1 {
			t.Errorf("percentile %v: got %v, exactly %v", v.rank, v.got, exact)
		}
	}
	if l.Mean != sum/time.Duration(len(all)) {
		t.Errorf("mean %v, want %v", l.Mean, sum/time.Duration(len(all)))
	}
	if got := new(histogram).latency(); got != (Latency{}) {
		t.Errorf("empty: %+v", got)
	}
}
