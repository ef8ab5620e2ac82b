package engine

import (
	"context"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// BulkCancel is what became of the executions that a filter matched. Those that were being cancelled already are none of
// them.
type BulkCancel struct {
	Matched, Cancelled, Requested, AlreadyTerminal int
	More                                           bool // the filter matches further ones: repeat
}

// CancelAll cancels the open executions that the filter matches, newest first, at most its limit: first those that no
// worker runs, so that workers which stop are not given more of them. Repeated as long as there are more, it comes to an
// end, however long those that run take to stop.
func (e *Engine) CancelAll(ctx context.Context, c *Caller, r *ListRequest, cr CancelRequest) (*BulkCancel, error) {
	q, err := e.query(c, r)
	if err != nil {
		return nil, err
	}
	if q.Status == 0 {
		q.Status = execution.Open
	}
	q.Status &= execution.Open
	q.Payloads = false
	b := &bulkCancel{e: e, caller: c, req: cr, left: r.Limit}
	// The second pass looks at all states: an execution may have moved from one to another meanwhile.
	for _, states := range []execution.StatusSet{q.Status &^ execution.SetOf(execution.Running, execution.Finalizing), q.Status} {
		if states == 0 || b.out.More {
			continue
		}
		pass := q
		pass.Status = states
		if err := b.pass(ctx, pass); err != nil {
			return nil, err
		}
	}
	return &b.out, nil
}

// bulkCancel is a CancelAll under way.
type bulkCancel struct {
	e      *Engine
	caller *Caller
	req    CancelRequest
	left   int // how many more it may cancel
	out    BulkCancel
}

// pass cancels what the query matches.
func (b *bulkCancel) pass(ctx context.Context, q store.ListQuery) error {
	q.Limit = 100
	for {
		page, err := b.e.store.List(ctx, q)
		if err != nil {
			return err
		}
		var cmds []*cancel
		for _, x := range page.Items {
			if x.CancelRequestedAt != 0 || x.Status == execution.Finalizing {
				continue
			}
			if b.left == 0 {
				b.out.More = true
				break
			}
			b.left--
			cmd := &cancel{e: b.e, caller: b.caller, id: x.ID, req: b.req, done: make(chan error, 1)}
			if !b.e.submit(cmd) {
				return b.e.unavailable(nil)
			}
			cmds = append(cmds, cmd)
		}
		for _, cmd := range cmds {
			if err := <-cmd.done; err != nil {
				return b.e.unavailable(err)
			}
			b.out.Matched++
			switch {
			case cmd.err != nil:
				b.out.AlreadyTerminal++
			case cmd.row.Status.Final():
				b.out.Cancelled++
			default:
				b.out.Requested++
			}
		}
		switch {
		case b.out.More || !page.More:
			return nil
		case !page.SearchedUntil.IsZero():
			q.Before = page.SearchedUntil
		case len(page.Items) > 0:
			q.Before = page.Items[len(page.Items)-1].ID
		}
	}
}
