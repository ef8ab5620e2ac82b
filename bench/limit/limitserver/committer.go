package limitserver

import (
	"errors"
	"sync"
	"time"
)

// maxBatch is the largest number of starts in one commit.
const maxBatch = 1024

var errClosed = errors.New("the server is closed")

// start is a row on its way into the store.
type start struct {
	row
	done chan error
}

// committer saves starts in batches. There is no timer: a batch is what
// arrived while the last one was being committed.
type committer struct {
	store *store
	ids   idSource

	mu      sync.Mutex
	arrived *sync.Cond
	queue   []*start
	closed  bool
	ended   chan struct{}
}

func newCommitter(s *store) *committer {
	c := &committer{store: s, ended: make(chan struct{})}
	c.arrived = sync.NewCond(&c.mu)
	go c.loop()
	return c
}

// submit queues a start; its outcome comes on done.
func (c *committer) submit(s *start) {
	c.mu.Lock()
	closed := c.closed
	if !closed {
		c.queue = append(c.queue, s)
	}
	c.mu.Unlock()
	if closed {
		s.done <- errClosed
		return
	}
	c.arrived.Signal()
}

func (c *committer) loop() {
	defer close(c.ended)
	var batch []*start
	for {
		c.mu.Lock()
		for len(c.queue) == 0 && !c.closed {
			c.arrived.Wait()
		}
		if len(c.queue) == 0 {
			c.mu.Unlock()
			return
		}
		n := min(len(c.queue), maxBatch)
		batch = append(batch[:0], c.queue[:n]...)
		c.queue = append(c.queue[:0], c.queue[n:]...)
		c.mu.Unlock()

		now := time.Now()
		for _, s := range batch {
			s.id = c.ids.next(now)
			s.createdAt = now.UnixMicro()
		}
		err := c.store.save(batch)
		for _, s := range batch {
			s.done <- err
		}
	}
}

// close commits what is queued, refuses what comes later and ends the loop.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.arrived.Broadcast()
	<-c.ended
}
