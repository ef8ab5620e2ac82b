package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// alive is what a server knows of its own row among the servers. A tick writes that row, and such a tick is durable only
// when the disk, and the standby, have it: news of other servers would wait for that. Ticks that follow each other closely
// therefore only read, and the row is written beside them. When that does not come to an end, ticks wait again: a server
// whose writes hang must notice.
type alive struct {
	mu     sync.Mutex
	last   execution.Time // when the last tick began
	until  execution.Time // as of the row
	saying bool
	wg     sync.WaitGroup
}

// apart reports whether a tick that begins now is to read only.
func (a *alive) apart(now execution.Time, ttl time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	close := now.Sub(a.last) < ttl/8 && a.until.Sub(now) > ttl/2
	a.last = now
	return close
}

// ticked notes how a tick that began at the time found the row; wrote says that it wrote it if it was old. It reports
// whether the row is now to be written beside the ticks.
func (a *alive) ticked(at, until execution.Time, ttl time.Duration, wrote bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := until.Sub(at) < ttl/4*3
	if wrote && old && until != 0 {
		until = at.Add(ttl)
	}
	a.until = max(a.until, until)
	if wrote || !old || a.saying {
		return false
	}
	a.saying = true
	a.wg.Add(1)
	return true
}

const sayQuery = "UPDATE nodes SET name = $2, seen_at = $3, expires_at = $3 + $4 WHERE key = $1"

// say writes that this server lives, beside its ticks. An error is the next tick's to find out.
func (s *Store) say(name string, ttl time.Duration) {
	go func() {
		defer s.alive.wg.Done()
		ctx, cancel := context.WithTimeout(context.Background(), ttl)
		defer cancel()
		now := s.clock.Now()
		err := s.query(ctx, sayQuery, newArgs().int64(s.node).text(name).int64(int64(now)).int64(ttl.Microseconds()), nil, nil)
		s.alive.mu.Lock()
		defer s.alive.mu.Unlock()
		s.alive.saying = false
		if err == nil {
			s.alive.until = max(s.alive.until, now.Add(ttl))
		}
	}()
}
