// Package limitserver is the yardstick of the bench: the least that a server
// must do to accept a durable start on this machine, and nothing more.
//
// For each request it decodes JSON, inserts one row into SQLite with
// synchronous=FULL, all requests that wait being committed together, and
// encodes a JSON answer. It has the index that a queue needs and no other, and
// no keys, events, limits or reads: the idempotency key is decoded and
// forgotten. What the real server reaches is told as a part of what this one
// reaches in the same run, so that figures from different machines compare.
package limitserver
