package engine

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Limits of approval links.
const (
	// DefaultLinkLife is how long a link works that names no time.
	DefaultLinkLife = 7 * 24 * time.Hour
	// MaxLinkLife is the longest time that a link works.
	MaxLinkLife = 90 * 24 * time.Hour
)

const (
	// linkPrefix begins every token, so that scanners for secrets know one.
	linkPrefix = "sjn_apr_"
	linkLength = 43 // 256 bits in base 62
)

// LinkRequest asks for a link with which somebody without a key decides an approval.
type LinkRequest struct {
	Name      string        // of the approval; empty: the only one that is awaited
	Step      string        // the wait's step, which may still be to come; empty: chosen by Name
	ExpiresIn time.Duration // 0: DefaultLinkLife
	Lease     string        // of a worker that holds the execution; empty: the caller may approve by itself
}

// Link is a new approval link. Its token is shown only once.
type Link struct {
	Token     string
	Step      string
	ExpiresAt execution.Time
}

// newLinkToken makes a token of 256 random bits.
func newLinkToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return linkPrefix + encode62(b[:], linkLength)
}

// linkHash is what the store knows of a token. ok is false for a text that no token can be.
func linkHash(token string) (hash [32]byte, ok bool) {
	rest, ok := strings.CutPrefix(token, linkPrefix)
	if !ok || len(rest) != linkLength {
		return hash, false
	}
	return sha256.Sum256([]byte(token)), true
}

// makeLink is the command behind CreateLink.
type makeLink struct {
	e      *Engine
	caller *Caller
	id     execution.ID
	req    *LinkRequest
	hash   [32]byte

	row, step int
	link      store.ApprovalLink
	err       error
	done      chan error
}

func (c *makeLink) project() int64 { return c.caller.Project }

func (c *makeLink) cell() int { return c.e.cellOf(c.id) }

func (c *makeLink) weigh() (int, int) { return 1, 0 }

func (c *makeLink) need(n *store.Need) {
	c.row, c.step = len(n.Executions), len(n.Steps)
	n.Executions = append(n.Executions, c.id)
	n.Steps = append(n.Steps, store.StepRef{Execution: c.id, Step: c.bound()})
}

// bound is the step that the link is for when none that fits is awaited.
func (c *makeLink) bound() string {
	if c.req.Step != "" {
		return c.req.Step
	}
	return c.req.Name
}

func (c *makeLink) decide(t *tx) {
	row := t.loaded.Executions[c.row]
	if row == nil || row.Project != c.caller.Project {
		c.err = absent
		return
	}
	if c.req.Lease != "" {
		if c.err = row.Holder(fingerprint(c.e.store.Epoch(), c.req.Lease)); c.err != nil {
			return
		}
	}
	step, err := row.Approval(c.req.Step, c.req.Name, t.now)
	if refused, ok := errors.AsType[*execution.Error](err); ok && refused.Code == execution.CodeNotAwaiting {
		// It may still be to come.
		if step = c.bound(); step != "" && !t.loaded.Recorded[c.step] && !t.recordedNow(row, step) {
			err = nil
		}
	}
	if c.err = err; err != nil {
		return
	}
	life := c.req.ExpiresIn
	if life == 0 {
		life = DefaultLinkLife
	}
	c.link = store.ApprovalLink{
		Hash: c.hash, Project: row.Project, Execution: row.ID, Step: step, CreatedAt: t.now, ExpiresAt: t.now.Add(life),
	}
	t.changes.Links = append(t.changes.Links, c.link)
}

func (c *makeLink) settle(err error) { c.done <- err }

// CreateLink makes a link with which somebody without a key decides an approval of the execution, one that is awaited
// or, when it is named, one that will be.
func (e *Engine) CreateLink(ctx context.Context, c *Caller, id execution.ID, r *LinkRequest) (*Link, error) {
	if r.ExpiresIn < 0 || r.ExpiresIn > MaxLinkLife {
		return nil, invalid("expires_in_ms", FieldRange, "expires_in_ms must be at most %d", MaxLinkLife.Milliseconds())
	}
	token := newLinkToken()
	hash, _ := linkHash(token)
	cmd := &makeLink{e: e, caller: c, id: id, req: r, hash: hash, done: make(chan error, 1)}
	if err := e.traced(ctx, "engine.link", cmd, cmd.done); err != nil {
		return nil, err
	}
	if cmd.err != nil {
		return nil, e.absence(ctx, c, id, ambiguous(cmd.err))
	}
	return &Link{Token: token, Step: cmd.link.Step, ExpiresAt: cmd.link.ExpiresAt}, nil
}

// LinkView is what whoever has the token of an approval link may see.
type LinkView struct {
	Execution execution.ID
	Workflow  string // its name, empty when it was deleted
	Name      string // of the approval
	Payload   []byte // JSON; nil: none
	ExpiresAt execution.Time
	Open      bool // it can be decided; otherwise it is not awaited yet
}

// errDeadLink is the one answer for tokens that nobody made and for those that work no longer.
var errDeadLink = &Error{Code: CodeNotFound, Message: "this link is not valid, or not any more"}

// Link reads what a token is for.
func (e *Engine) Link(ctx context.Context, token string) (*LinkView, error) {
	hash, ok := linkHash(token)
	if !ok {
		return nil, errDeadLink
	}
	link, err := e.store.Link(ctx, hash)
	var row *store.Row
	if err == nil {
		row, err = e.store.Get(ctx, link.Project, link.Execution)
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, errDeadLink
	}
	if err != nil {
		return nil, err
	}
	now := e.store.Now()
	if link.UsedAt != 0 || link.ExpiresAt <= now || row.Status.Final() || row.Status == execution.Finalizing {
		return nil, errDeadLink
	}
	v := &LinkView{Execution: row.ID, Name: execution.WaitNameOf(link.Step), ExpiresAt: link.ExpiresAt}
	if w := e.workflowOf(row.Workflow); w != nil && w.record.Load().DeletedAt == 0 {
		v.Workflow = w.info.Name
	}
	events, err := e.store.Events(ctx, row, 0, 0)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errDeadLink
	}
	if err != nil {
		return nil, err
	}
	for _, r := range execution.RecordedSteps(events) {
		if r.Step != link.Step || r.Kind == execution.KindStep && r.Output == nil {
			continue
		}
		if r.Wait != execution.WaitForApproval || r.Ended != nil || r.Until != 0 && r.Until <= now {
			return nil, errDeadLink
		}
		v.Open, v.Name = true, r.Name
	}
	if v.Open {
		for i := range events {
			if x := &events[i]; x.Kind == execution.EventWaitStarted && x.Step == link.Step {
				v.Payload = x.Body
			}
		}
	}
	return v, nil
}

// useLink is the command behind DecideByLink.
type useLink struct {
	e        *Engine
	hash     [32]byte
	id       execution.ID
	step     string
	decision execution.Decision
	owner    int64

	row, link, recorded int
	err                 error
	done                chan error
}

func (c *useLink) project() int64 { return c.owner }

func (c *useLink) cell() int { return c.e.cellOf(c.id) }

func (c *useLink) weigh() (int, int) { return 1, 0 }

func (c *useLink) need(n *store.Need) {
	c.row, c.link, c.recorded = len(n.Executions), len(n.Links), len(n.Steps)
	n.Executions = append(n.Executions, c.id)
	n.Links = append(n.Links, c.hash)
	n.Steps = append(n.Steps, store.StepRef{Execution: c.id, Step: c.step})
}

func (c *useLink) decide(t *tx) {
	row, link := t.loaded.Executions[c.row], t.loaded.Links[c.link]
	if row == nil || link == nil || link.UsedAt != 0 || link.ExpiresAt <= t.now {
		c.err = errDeadLink
		return
	}
	was := snapshot(row)
	e, err := row.Decide(c.decision, t.now)
	if c.err = err; err == nil {
		used := *link
		used.UsedAt = t.now
		t.changes.Links = append(t.changes.Links, used)
		t.changed(row, was, e)
		return
	}
	refused, ok := errors.AsType[*execution.Error](err)
	switch {
	case !ok || refused.Code == execution.CodeHistoryLimit:
	case refused.Code == execution.CodeNotAwaiting && !t.loaded.Recorded[c.recorded] && !t.recordedNow(row, c.step):
		// It is still to come, and the link stays good for it.
	default:
		c.err = errDeadLink
	}
}

func (c *useLink) settle(err error) { c.done <- err }

// DecideByLink decides the approval that a token is for, and uses the token up. It answers what the token was for.
func (e *Engine) DecideByLink(ctx context.Context, token string, r *DecisionRequest) (*LinkView, error) {
	v, err := e.Link(ctx, token)
	if err != nil {
		return nil, err
	}
	hash, _ := linkHash(token)
	link, err := e.store.Link(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errDeadLink
	}
	if err != nil {
		return nil, err
	}
	cmd := &useLink{e: e, hash: hash, id: link.Execution, step: link.Step, owner: link.Project, done: make(chan error, 1)}
	cmd.decision = execution.Decision{
		Actor: execution.Actor{Kind: execution.ActorLink}, Step: link.Step, Approved: r.Approved, Comment: r.Comment, By: r.By,
	}
	if err := e.traced(ctx, "engine.decide", cmd, cmd.done); err != nil {
		return nil, err
	}
	return v, cmd.err
}
