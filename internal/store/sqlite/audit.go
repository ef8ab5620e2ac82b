package sqlite

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/store"
)

// Audit runs the invariant queries and returns what violates them. It only reads.
func (s *Store) Audit(ctx context.Context) ([]store.Finding, error) {
	var findings []store.Finding
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, "PRAGMA integrity_check", func(st *sqlite.Stmt) error {
			if text := st.ColumnText(0); text != "ok" {
				findings = append(findings, store.Finding{Invariant: "integrity", Promise: "the file is sound", Subject: text})
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return findings, nil
}
