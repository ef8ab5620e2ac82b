//go:build linux

package lossyfs

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRangesAgainstBitmap drives the set and a plain bitmap with the same
// random operations.
func TestRangesAgainstBitmap(t *testing.T) {
	t.Parallel()
	const size = 200
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var r ranges
		var bits [size]bool
		for range 40 {
			if rng.IntN(8) == 0 {
				at := rng.Int64N(size)
				r.clip(at)
				clear(bits[at:])
				continue
			}
			from := rng.Int64N(size)
			to := min(size, from+rng.Int64N(30))
			r.add(from, to)
			for i := from; i < to; i++ {
				bits[i] = true
			}
		}
		var got [size]bool
		for i, s := range r {
			if s.start >= s.end || i > 0 && r[i-1].end >= s.start {
				t.Fatalf("seed %d: spans not sorted and apart: %v", seed, r)
			}
			for k := s.start; k < s.end; k++ {
				got[k] = true
			}
		}
		if got != bits {
			t.Fatalf("seed %d: set %v is not the bitmap", seed, r)
		}
		var want []int64
		for k := range int64(size / 8) {
			if slices.Contains(bits[k*8:(k+1)*8], true) {
				want = append(want, k)
			}
		}
		if got := r.sectors(8); !slices.Equal(got, want) {
			t.Fatalf("seed %d: sectors of %v: got %v, want %v", seed, r, got, want)
		}
	}
}
