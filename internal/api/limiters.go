package api

import (
	"container/list"
	"hash/maphash"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	limiterShards = 16
	// limitersPerShard bounds the memory; who is forgotten starts with a full bucket.
	limitersPerShard = 4096
)

// limiters are token buckets by name, of which the least recently used are forgotten.
type limiters[K comparable] struct {
	hash   func(K) uint64
	shards [limiterShards]limiterShard[K]
}

type limiterShard[K comparable] struct {
	mu     sync.Mutex
	byName map[K]*list.Element
	recent list.List // of *bucket[K], the latest first
}

type bucket[K comparable] struct {
	name    K
	limiter *rate.Limiter
}

func newLimiters[K comparable](hash func(K) uint64) *limiters[K] {
	return &limiters[K]{hash: hash}
}

var limiterSeed = maphash.MakeSeed()

func hashInt(n int64) uint64 { return uint64(n) * 0x9e3779b97f4a7c15 >> 32 }

func hashText(s string) uint64 { return maphash.String(limiterSeed, s) }

// take takes a token from the bucket of the name. When there is none it returns how long it takes until there is one,
// in whole seconds: a request after that time is let through unless others came first.
func (l *limiters[K]) take(name K, perSecond float64, burst int, now time.Time) time.Duration {
	s := &l.shards[l.hash(name)%limiterShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName == nil {
		s.byName = map[K]*list.Element{}
	}
	e := s.byName[name]
	if e == nil {
		if s.recent.Len() >= limitersPerShard {
			oldest := s.recent.Back()
			delete(s.byName, s.recent.Remove(oldest).(*bucket[K]).name)
		}
		e = s.recent.PushFront(&bucket[K]{name, rate.NewLimiter(rate.Limit(perSecond), burst)})
		s.byName[name] = e
	} else {
		s.recent.MoveToFront(e)
	}
	limiter := e.Value.(*bucket[K]).limiter
	if limiter.Limit() != rate.Limit(perSecond) || limiter.Burst() != burst {
		limiter.SetLimitAt(now, rate.Limit(perSecond))
		limiter.SetBurstAt(now, burst)
	}
	r := limiter.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait <= 0 {
		return 0
	}
	r.CancelAt(now)
	return roundUp(wait)
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
