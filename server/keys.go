package server

import (
	"context"
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

// KeySpec describes an API key to create.
type KeySpec struct {
	// Project is the name or id of the project that the key belongs to. Default DefaultProject.
	Project string
	// Name is shown in lists of keys.
	Name string
	// Scopes are what the key may do, such as "executions:start" or "admin"; at least one.
	Scopes []string
	// Workflows are the only ones that a worker with this key may serve; default: all.
	Workflows []string
	// RateLimit is how many requests per second the key may send to each server; 0: no limit.
	RateLimit float64
	// ExpiresAt ends the key; zero: never.
	ExpiresAt time.Time
	// Fixed is the key's own text, at least 16 characters, for development and tests. A key with this text that is
	// there already stays as it is. Default: a random key is made.
	Fixed string
}

// CreateKey makes an API key and returns its text, which nobody can read again. It lets a program that embeds the
// server make the key for its own clients and workers.
func (s *Server) CreateKey(ctx context.Context, spec KeySpec) (string, error) {
	var scopes engine.Scope
	for _, name := range spec.Scopes {
		scope, ok := engine.ParseScope(name)
		if !ok {
			return "", fmt.Errorf("server: there is no scope %q; the scopes are %v", name, engine.ScopeNames())
		}
		scopes |= scope
	}
	_, text, err := s.engine.CreateKey(ctx, s.root, engine.KeySpec{
		Project: spec.Project, Name: spec.Name, Scopes: scopes, Workflows: spec.Workflows, RateLimit: spec.RateLimit,
		ExpiresAt: spec.ExpiresAt, Fixed: spec.Fixed,
	})
	if err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	return text, nil
}
