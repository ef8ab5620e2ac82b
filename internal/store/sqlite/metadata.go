package sqlite

import (
	"fmt"

	"github.com/sojournhq/sojourn/internal/store"
)

// saveMetadata writes one pair for the filter of lists.
func (w *writer) saveMetadata(m *store.Metadata) error {
	s, err := w.prepared("INSERT INTO metadata (workflow, key, value, execution) VALUES (?, ?, ?, ?)")
	if err != nil {
		return err
	}
	s.setInt(1, m.Workflow)
	s.setText(2, m.Key)
	s.setText(3, m.Value)
	s.setInt(4, m.Execution.Order())
	if err := s.run(); err != nil {
		return fmt.Errorf("save metadata %q of execution %s: %w", m.Key, m.Execution, err)
	}
	return nil
}
