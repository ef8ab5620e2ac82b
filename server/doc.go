// Package server runs a whole Sojourn server inside a program: store, engine, HTTP API and listener.
//
// The command `sojourn serve` is this package behind flags. A Go program can embed it to have durable executions and
// their handlers in one process.
package server
