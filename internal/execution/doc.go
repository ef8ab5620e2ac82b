// Package execution is the domain: what an execution is, which states it may pass through, and every rule that moves
// it from one to the next.
//
// It is pure. A rule receives an execution, a command and the time; it either changes the execution and returns the
// event that records the change, or returns an error and leaves the execution as it was. Nothing here reads a clock,
// draws a random number or touches a disk, so a rule can be replayed, modelled and tested without a server.
package execution

//go:generate go run ./lifecyclegen ../../docs/lifecycle.md
