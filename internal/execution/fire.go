package execution

import "time"

// Fire does what has come due: the start of a delayed execution, the end of a sleep or backoff, a passed deadline, an
// exceeded time in the queue, a wait that times out, an exhausted cancel grace. It appends the events to dst, none when nothing is due; it
// never acts early, and does what came due first first, so that an engine that was down for a while ends where one that
// was there would have. grace is that of a cancel which a passed deadline begins.
func (x *Execution) Fire(dst []Event, grace time.Duration, now Time) []Event {
	// Two things in a row are the most that can come due at once, besides open waits. The bound keeps a mistake in a rule
	// from filling the memory instead of a log.
	for range 8 + MaxWaits {
		due := x.DueAt()
		if due == 0 || due > now {
			return dst
		}
		switch {
		case x.CancelBy == due:
			x.ErrorCode = x.forcedCode()
			dst = append(dst, x.finish(Cancelled, Event{Message: "the worker did not stop within the grace"}, now))
		case x.DeadlineAt == due && x.CancelRequestedAt == 0:
			e, _, _ := x.RequestCancel(Cancel{Reason: CancelByTimeout, Note: "the deadline passed", Grace: grace}, now)
			dst = append(dst, e)
		case x.ExpiresAt == due:
			dst = append(dst, x.finish(Rejected, Event{Code: ErrorQueueTTL, Message: "no worker took the execution within its time-to-live in the queue"}, now))
		case x.Inbox != "" && x.Inbox.until() == due:
			dst = x.expireWaits(dst, due, now)
		case x.Status == Created:
			x.Status = Pending
			x.offer(WhyNothing, now)
			dst = append(dst, x.record(Event{Kind: EventReady}, now))
		case x.Status == Waiting:
			x.Status = Running
			x.offer(WhyWorker, now)
			dst = append(dst, x.record(Event{Kind: EventWoken}, now))
		default:
			x.offer(WhyWorker, now)
			dst = append(dst, x.record(Event{Kind: EventRetried}, now))
		}
	}
	return dst
}

// forcedCode tells a cancel that the engine had to finish by itself from one that the worker confirmed; a passed
// deadline stays a timeout.
func (x *Execution) forcedCode() string {
	if x.CancelReason == CancelByTimeout {
		return ErrorTimeout
	}
	return ErrorForced
}
