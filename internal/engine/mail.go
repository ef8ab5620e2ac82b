package engine

import (
	"slices"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// mail is what workers must be told whose sessions live at other servers: their reports and heartbeats may come here.
type mail struct {
	boxes map[int64]map[execution.ID]letter // by session
	about map[execution.ID]int64            // whose box has a letter about it
}

// letter is what a worker must be told about an execution that it holds.
type letter struct {
	cancel bool
	wake   int64 // revision at which a wait ended, 0: none
	as     int64 // revision of which this is known: word of earlier ones comes too late
}

func newMail() mail {
	return mail{boxes: map[int64]map[execution.ID]letter{}, about: map[execution.ID]int64{}}
}

// learn takes over what became of an execution.
func (m *mail) learn(x *store.Change) {
	if session, ok := m.about[x.Execution]; ok && m.boxes[session][x.Execution].as > x.Revision {
		return // this server changed it itself since
	}
	if x.Session == 0 || !x.CancelRequested && !x.Woken {
		m.drop(x.Execution)
		return
	}
	l := letter{cancel: x.CancelRequested, as: x.Revision}
	if x.Woken {
		l.wake = x.Revision
	}
	m.put(x.Session, x.Execution, l)
}

func (m *mail) put(session int64, id execution.ID, l letter) {
	if old, ok := m.about[id]; ok && old != session {
		m.drop(id)
	}
	box := m.boxes[session]
	if box == nil {
		box = map[execution.ID]letter{}
		m.boxes[session] = box
	}
	was := box[id]
	box[id] = letter{cancel: l.cancel || was.cancel, wake: max(l.wake, was.wake), as: max(l.as, was.as)}
	m.about[id] = session
}

func (m *mail) drop(id execution.ID) {
	session, ok := m.about[id]
	if !ok {
		return
	}
	delete(m.about, id)
	delete(m.boxes[session], id)
	if len(m.boxes[session]) == 0 {
		delete(m.boxes, session)
	}
}

// keep drops the mail of sessions that are gone.
func (m *mail) keep(marks map[int64]*store.SessionMark) {
	for session, box := range m.boxes {
		if marks[session] != nil {
			continue
		}
		for id := range box {
			delete(m.about, id)
		}
		delete(m.boxes, session)
	}
}

// of is what the worker of the session must be told.
func (m *mail) of(session int64) (cancel, wake []execution.ID) {
	for id, l := range m.boxes[session] {
		if l.cancel {
			cancel = append(cancel, id)
		}
		if l.wake != 0 {
			wake = append(wake, id)
		}
	}
	byID := func(a, b execution.ID) int { return slices.Compare(a[:], b[:]) }
	slices.SortFunc(cancel, byID)
	slices.SortFunc(wake, byID)
	return cancel, wake
}

// asked notes that the worker has asked about waits of the executions, each as of a revision.
func (m *mail) asked(told map[execution.ID]int64) {
	for id, revision := range told {
		session, ok := m.about[id]
		if !ok {
			continue
		}
		l := m.boxes[session][id]
		if l.wake > revision {
			continue
		}
		if l.wake = 0; l.cancel {
			m.boxes[session][id] = l
		} else {
			m.drop(id)
		}
	}
}

// asked notes that the worker of a session elsewhere has asked about waits.
func (c *cluster) asked(told map[execution.ID]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mail.asked(told)
}

// post is for the worker of a session that does not live here: it must stop an execution, or a wait has ended.
func (c *cluster) post(session int64, id execution.ID, l letter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mail.put(session, id, l)
}

// tell adds what the worker of a session elsewhere must be told.
func (c *cluster) tell(session int64, out *signals) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out.Cancel, out.Wake = c.mail.of(session)
}

// unpost drops what was to be said about an execution that has a holder no longer.
func (c *cluster) unpost(id execution.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mail.drop(id)
}
