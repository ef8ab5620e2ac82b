package sojourn

import (
	"context"
	"fmt"
	"time"
)

// Sleep waits durably: the end of the sleep is recorded first, so a crash does not start it anew, and it never ends
// early. Up to two seconds the handler waits in memory; a longer sleep suspends the execution as soon as no other
// branch of the handler has anything to do: Sleep then returns ErrSuspended, and the handler must return. When the time
// has come the handler runs again and Sleep returns nil at once. A Key option tells sleeps of one name apart, as for
// steps.
func (c *Context) Sleep(name string, d time.Duration, options ...StepOption) error {
	var o stepOptions
	for _, option := range options {
		option.applyStep(&o)
	}
	a := c.a
	recorded, use, full, err := a.enter(c, name, &o)
	if err != nil {
		return err
	}
	defer (&stepRun{a: a, use: use}).leave()
	p := &parking{}
	switch {
	case recorded != nil && recorded.kind != "sleep":
		return a.mismatch(full, fmt.Sprintf("it was recorded as a %s", recorded.kind))
	case recorded != nil:
		p.until, p.server = recorded.due, recorded.until
	case d <= 0:
		return nil
	default:
		b, err := a.begin("sleep")
		if err != nil {
			return err
		}
		b.buf = append(b.buf, `,"step":`...)
		b.buf = appendText(b.buf, full)
		b.buf = appendMillis(b.buf, `,"duration_ms":`, d)
		result, err := a.await(b)
		switch {
		case err != nil:
			return err
		case !result.ok:
			return (&stepRun{name: full}).refusal(result)
		case result.hasDelay:
			d = result.delay
		}
		p.until, p.server = time.Now().Add(d), result.at
	}
	wait := time.Until(p.until)
	if wait <= shortDelay {
		if err := a.nap(wait); err != nil {
			return err
		}
		return context.Cause(c)
	}
	return a.parkIdle(p)
}
