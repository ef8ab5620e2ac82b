package postgres

import (
	"context"
	"fmt"

	"github.com/sojournhq/sojourn/internal/store"
)

const (
	sessionColumns = "key, project, id, name, sdk, version, workflows, capacity, created_at, seen_at, expires_at, draining, node, term, received, unsure"
	sessionQuery   = "SELECT " + sessionColumns + " FROM sessions"
)

var (
	saveSession    = writeWhole("sessions", sessionColumns)
	removeSessions = prepare("DELETE FROM sessions WHERE key = ANY($1)")
)

func (b *batch) saveSession(x *store.Session) {
	b.add(saveSession, newArgs().int64(x.Key).int64(x.Project).id(x.ID).text(x.Name).text(x.SDK).text(x.Version).
		int64s(len(x.Workflows), func(i int) int64 { return x.Workflows[i] }).int32(x.Capacity).int64(int64(x.CreatedAt)).
		int64(int64(x.SeenAt)).int64(int64(x.ExpiresAt)).bool(x.Draining).int64(x.Node).int32(x.Term).int64(x.Received).bool(x.Unsure), nil, nil)
}

func scanSession(r *row) store.Session {
	return store.Session{
		Key: r.int64(), Project: r.int64(), ID: r.id(), Name: r.text(), SDK: r.text(), Version: r.text(), Workflows: r.int64s(),
		Capacity: r.int32(), CreatedAt: r.time(), SeenAt: r.time(), ExpiresAt: r.time(), Draining: r.bool(), Node: r.int64(),
		Term: r.int32(), Received: r.int64(), Unsure: r.bool(),
	}
}

// Sessions reads all worker sessions, by key.
func (s *Store) Sessions(ctx context.Context) ([]store.Session, error) {
	var sessions []store.Session
	err := s.query(ctx, sessionQuery+" ORDER BY key", nil, func() { sessions = nil }, func(r *row) error {
		sessions = append(sessions, scanSession(r))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	return sessions, nil
}
