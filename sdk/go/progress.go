package sojourn

import (
	"strconv"
	"time"
)

// progressEvery is the least time between two reports of progress.
const progressEvery = 100 * time.Millisecond

// progress coalesces an attempt's reports of progress. Its methods are called with the attempt's mu locked.
type progress struct {
	value   float64
	pending bool
	sent    time.Time
	timer   *time.Timer
}

func (p *progress) stop() {
	p.pending = false
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

// Progress says how far the work is, 0 to 1. It does not block; at most ten values a second are sent, the latest
// always. Progress never falls: a lower value than before is ignored by the server.
func (c *Context) Progress(value float64) {
	switch {
	case !(value >= 0):
		value = 0
	case value > 1:
		value = 1
	}
	a := c.a
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closedLocked() != nil {
		return
	}
	p := &a.progress
	p.value, p.pending = value, true
	wait := progressEvery - time.Since(p.sent)
	switch {
	case wait <= 0 || p.sent.IsZero():
		a.flushProgress()
	case p.timer == nil:
		p.timer = time.AfterFunc(wait, func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			p.timer = nil
			if a.closedLocked() == nil {
				a.flushProgress()
			}
		})
	}
}

// flushProgress sends the latest value unless it was sent. mu is locked.
func (a *attempt) flushProgress() {
	p := &a.progress
	if !p.pending || a.state != attemptActive {
		return
	}
	p.stop()
	p.sent = time.Now()
	b := a.reporter.begin(a, "progress")
	b.buf = append(b.buf, `,"value":`...)
	b.buf = strconv.AppendFloat(b.buf, p.value, 'f', -1, 64)
	a.reporter.end(b, opForget, nil)
}
