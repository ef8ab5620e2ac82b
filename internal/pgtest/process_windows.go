package pgtest

import (
	"context"
	"errors"
	"syscall"
)

const (
	kill      = syscall.SIGKILL
	fast      = syscall.SIGINT
	immediate = syscall.SIGQUIT
)

var errEnded = errors.New("it ended")

type account struct{ name string }

// unprivileged refuses: the servers are started on Unix only.
func unprivileged() (account, error) { return account{}, ErrMissing }

func (account) give(string) error                   { return nil }
func (account) owns(string) error                   { return nil }
func (account) enters(context.Context, string) bool { return true }
func (account) attributes() *syscall.SysProcAttr    { return nil }
func (s *Server) launch() error                     { return ErrMissing }
func (s *Server) ended() bool                       { return true }
func (s *Server) signal(syscall.Signal) error       { return nil }

type guard struct{}

func watch(account, string) (*guard, error) { return nil, ErrMissing }
func (*guard) release() error               { return nil }
func freePort() (int, error)                { return 0, ErrMissing }
