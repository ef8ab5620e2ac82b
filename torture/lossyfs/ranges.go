//go:build linux

package lossyfs

import "slices"

// span is a range of bytes: start is in it, end is not.
type span struct{ start, end int64 }

// ranges is a set of bytes, kept as sorted spans that neither touch nor
// overlap. The zero value is empty.
type ranges []span

// add puts [start, end) into the set.
func (r *ranges) add(start, end int64) {
	if start >= end {
		return
	}
	s := *r
	if n := len(s); n > 0 && s[n-1].start <= start && start <= s[n-1].end {
		s[n-1].end = max(s[n-1].end, end)
		return
	}
	// Every span from i up to j touches the new one and melts into it.
	i, _ := slices.BinarySearchFunc(s, start, func(x span, at int64) int {
		if x.end < at {
			return -1
		}
		return 1
	})
	j := i
	for j < len(s) && s[j].start <= end {
		start, end = min(start, s[j].start), max(end, s[j].end)
		j++
	}
	*r = slices.Replace(s, i, j, span{start, end})
}

// clip takes every byte at or after size out of the set.
func (r *ranges) clip(size int64) {
	s := *r
	for len(s) > 0 && s[len(s)-1].start >= size {
		s = s[:len(s)-1]
	}
	if n := len(s); n > 0 {
		s[n-1].end = min(s[n-1].end, size)
	}
	*r = s
}

// sectors lists, in rising order and each once, the numbers of the sectors of
// the given size that hold a byte of the set.
func (r ranges) sectors(size int64) []int64 {
	var out []int64
	next := int64(0)
	for _, s := range r {
		for k := max(next, s.start/size); k*size < s.end; k++ {
			out = append(out, k)
			next = k + 1
		}
	}
	return out
}
