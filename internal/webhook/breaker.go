package webhook

import "time"

// breaker keeps messages back from a destination that fails again and again. While it is open nothing is tried; then one
// message is, and its outcome decides. Who uses it holds a lock.
type breaker struct {
	failures int       // in a row
	until    time.Time // it is open so long
	pause    time.Duration
	last     time.Time // latest failure
	trial    bool      // the one message is under way
}

const (
	breakerFailures = 5
	breakerPause    = 30 * time.Second
	breakerMost     = 5 * time.Minute
)

// tripped says that at most one message may be tried.
func (b *breaker) tripped() bool { return b.failures >= breakerFailures }

// allows says whether another message may be tried now.
func (b *breaker) allows(now time.Time) bool {
	return !b.tripped() || !b.trial && !now.Before(b.until)
}

// begin notes that a message is tried, and reports whether it is the one that decides.
func (b *breaker) begin() (trial bool) {
	b.trial = b.tripped()
	return b.trial
}

// end notes how a message fared and reports whether the breaker has opened by it.
func (b *breaker) end(trial, well bool, now time.Time) (opened bool) {
	if trial {
		b.trial = false
	}
	if well {
		*b = breaker{}
		return false
	}
	b.failures++
	b.last = now
	// Messages that were under way when it opened say nothing new.
	if !b.tripped() || !trial && now.Before(b.until) {
		return false
	}
	if b.pause = min(2*b.pause, breakerMost); b.pause == 0 {
		b.pause = breakerPause
	}
	b.until = now.Add(b.pause)
	return true
}

// forgotten says that nothing has failed for so long that it no longer matters.
func (b *breaker) forgotten(now time.Time) bool {
	return b.failures == 0 || now.Sub(b.last) > 2*breakerMost
}
