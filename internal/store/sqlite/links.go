package sqlite

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

const (
	linksQuery = "SELECT hash, project, execution, tail, step, created_at, expires_at, used_at FROM approval_links"
	linkQuery  = linksQuery + " WHERE hash = ?"
)

func scanLink(st *sqlite.Stmt) *store.ApprovalLink {
	l := &store.ApprovalLink{
		Project: st.ColumnInt64(1), Execution: execution.IDFromParts(st.ColumnInt64(2), st.ColumnInt64(3)), Step: st.ColumnText(4),
		CreatedAt: columnTime(st, 5), ExpiresAt: columnTime(st, 6), UsedAt: columnTime(st, 7),
	}
	st.ColumnBytes(0, l.Hash[:])
	return l
}

// loadLink reads an approval link once per transaction, nil when there is none.
func (w *writer) loadLink(hash [32]byte) (l *store.ApprovalLink, err error) {
	for _, l := range w.result.Links {
		if l != nil && l.Hash == hash {
			return l, nil
		}
	}
	s, err := w.prepared(linkQuery)
	if err != nil {
		return nil, err
	}
	s.setBytes(1, hash[:])
	_, err = s.one(func() { l = scanLink(s.Stmt) })
	return l, err
}

func (w *writer) saveLink(l *store.ApprovalLink) error {
	s, err := w.prepared("INSERT INTO approval_links (hash, project, execution, tail, step, created_at, expires_at, used_at) " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO UPDATE SET used_at = excluded.used_at")
	if err != nil {
		return err
	}
	s.setBytes(1, l.Hash[:])
	s.setInt(2, l.Project)
	s.setInt(3, l.Execution.Order())
	s.setInt(4, l.Execution.Tail())
	s.setText(5, l.Step)
	s.setInt(6, int64(l.CreatedAt))
	s.setInt(7, int64(l.ExpiresAt))
	s.setTime(8, l.UsedAt)
	if err := s.run(); err != nil {
		return fmt.Errorf("save an approval link of execution %s: %w", l.Execution, err)
	}
	return nil
}

// sweptLinks bounds how many expired links one transaction removes.
const sweptLinks = 1000

func (w *writer) sweepLinks(before execution.Time) error {
	s, err := w.prepared("DELETE FROM approval_links WHERE hash IN (SELECT hash FROM approval_links INDEXED BY approval_links_expired " +
		"WHERE expires_at < ? ORDER BY expires_at LIMIT ?)")
	if err != nil {
		return err
	}
	s.setInt(1, int64(before))
	s.setInt(2, sweptLinks)
	if err := s.run(); err != nil {
		return fmt.Errorf("remove expired approval links: %w", err)
	}
	return nil
}

// Link reads an approval link by the hash of its token, or store.ErrNotFound.
func (s *Store) Link(ctx context.Context, hash [32]byte) (*store.ApprovalLink, error) {
	var l *store.ApprovalLink
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		st, err := conn.Prepare(linkQuery)
		if err != nil {
			return err
		}
		st.BindBytes(1, hash[:])
		ok, err := st.Step()
		if err != nil {
			return err
		}
		if ok {
			l = scanLink(st)
		}
		return st.Reset()
	})
	if err != nil {
		return nil, fmt.Errorf("read an approval link: %w", err)
	}
	if l == nil {
		return nil, store.ErrNotFound
	}
	return l, nil
}
