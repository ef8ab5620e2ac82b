package postgres

import (
	"context"
	"fmt"
)

// SecretKey is the text of the key file under which servers that are given none encrypt signing secrets. The first text
// that is proposed is kept; every later call returns that one.
func (s *Store) SecretKey(ctx context.Context, proposed string) (text string, err error) {
	err = s.alter(ctx, func(c *conn) error {
		if err := c.query(ctx, "INSERT INTO secret_key (n, text) VALUES (1, $1) ON CONFLICT (n) DO NOTHING", newArgs().bytes([]byte(proposed)), nil); err != nil {
			return err
		}
		return c.query(ctx, "SELECT text FROM secret_key WHERE n = 1", nil, func(r *row) error {
			text = string(r.bytes())
			return nil
		})
	})
	if err != nil {
		return "", fmt.Errorf("postgres: the key of secrets: %w", err)
	}
	return text, nil
}
