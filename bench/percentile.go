package main

import (
	"slices"
	"time"
)

// percentile is the smallest of the times that is at least as long as the share p of them.
func percentile(times []time.Duration, p float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	times = slices.Clone(times)
	slices.Sort(times)
	return times[min(len(times)-1, int(p*float64(len(times))))]
}
