//go:build linux

// Command torture kills, freezes and starves a real Sojourn server and its workers while clients use it, and judges by
// their journals whether a promise was broken.
//
//	go run ./torture            # the long form: every nemesis, 50 kills, 50 power cuts
//	go run ./torture -short     # what the ordinary tests run
//	go run ./torture -seed 7    # the same schedule again
//
// A run is a list of campaigns. A campaign has one data directory, some worker processes and 16 clients that write down
// every intent before and every answer after a request; its rounds are nemeses, one after the other. When they are over
// everything is healed, all executions must end, and package check compares the journals with what is stored. A round in
// which little was acknowledged, or whose nemesis did not strike, is invalid, which counts as failed: a quiet run proves
// nothing.
//
// Each round prints a line, the end is a verdict as one line of JSON, and "N passed, N failed".
package main
