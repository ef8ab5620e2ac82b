//go:build linux

// Command torture kills, freezes and starves a real Sojourn server and its workers while clients use it, and judges by
// their journals whether a promise was broken.
//
//	go run ./torture            # the long form: every nemesis, 50 kills, 50 power cuts
//	go run ./torture -short     # what the ordinary tests run
//	go run ./torture -seed 7    # the same schedule again
//	go run ./torture -store postgres   # three servers on PostgreSQL with a synchronous standby
//
// A run is a list of campaigns. A campaign has one data directory, some worker processes and 16 clients that write down
// every intent before and every answer after a request; its rounds are nemeses, one after the other. When they are over
// everything is healed, all executions must end, and package check compares the journals with what is stored. A round in
// which little was acknowledged, or whose nemesis did not strike, is invalid, which counts as failed: a quiet run proves
// nothing.
//
// Clients also fight over executions: several start one key, two workers claim one lease, a completion meets a cancel.
// Package check looks for an order of their requests that one server with one copy of the data could have shown.
//
// On PostgreSQL there are three servers behind a balancer, each with proxies of its own to both machines of the database
// (package proxy). Rounds kill and stop servers and the database, lose the primary for good, spoil the network of one
// server, set the clock of one, cut connections at commits, and restart all servers one by one.
//
// Each round prints a line, the end is a verdict as one line of JSON, and "N passed, N failed".
package main
