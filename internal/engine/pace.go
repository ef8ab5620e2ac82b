package engine

import (
	"math/bits"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// paceSeconds is the while over which the pace of commits is told.
const paceSeconds = 60

// pace keeps how many batches were committed in each of the last seconds, and how long they took. It takes the same room
// and time however many there were.
type pace struct {
	mu      sync.Mutex
	seconds [paceSeconds + 1]paceSecond // by the second's remainder, the one that has begun among them
}

// paceSecond is one second. Durations are counted by size: there are four sizes for each power of two microseconds.
type paceSecond struct {
	second   int64 // since the Unix epoch
	commits  int64
	commands int64
	sizes    [paceSizes]int32
}

const paceSizes = 4 * 40

// sizeOf is the size of a duration.
func sizeOf(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < 4 {
		return int(us)
	}
	power := bits.Len64(us) - 1
	return min(4*(power-1)+int(us>>(power-2)&3), paceSizes-1)
}

// durationOf is the largest duration of the size.
func durationOf(size int) time.Duration {
	if size < 4 {
		return time.Duration(size) * time.Microsecond
	}
	power := size/4 + 1
	return time.Duration(uint64(size%4+5)<<(power-2)-1) * time.Microsecond
}

// note counts a batch that was committed.
func (p *pace) note(now execution.Time, commands int, took time.Duration) {
	second := int64(now) / 1e6
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.seconds[second%int64(len(p.seconds))]
	if s.second != second {
		*s = paceSecond{second: second}
	}
	s.commits++
	s.commands += int64(commands)
	s.sizes[sizeOf(took)]++
}

// Pace is how commits went over the last minute, those of this server.
type Pace struct {
	Over              time.Duration // how long that is; less than a minute after the start
	Commits, Commands int64
	P50, P99          time.Duration // of one commit, at most a quarter too long
}

// last is the pace of the whole seconds before now, at most those since the start.
func (p *pace) last(now, started execution.Time) Pace {
	second := int64(now) / 1e6
	var sum Pace
	var sizes [paceSizes]int64
	p.mu.Lock()
	for i := range p.seconds {
		s := &p.seconds[i]
		if s.second < second-paceSeconds || s.second >= second {
			continue
		}
		sum.Commits += s.commits
		sum.Commands += s.commands
		for k, n := range s.sizes {
			sizes[k] += int64(n)
		}
	}
	p.mu.Unlock()
	sum.Over = min(paceSeconds*time.Second, max(now.Sub(started), time.Second))
	at := func(percent int64) time.Duration {
		left := (sum.Commits*percent + 99) / 100
		for k, n := range sizes {
			if left -= n; left <= 0 {
				return durationOf(k)
			}
		}
		return 0
	}
	if sum.Commits > 0 {
		sum.P50, sum.P99 = at(50), at(99)
	}
	return sum
}
