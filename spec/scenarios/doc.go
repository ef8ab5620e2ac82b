// Package scenarios holds behaviours that every SDK must show, as data; its test runs them against the real server.
package scenarios
