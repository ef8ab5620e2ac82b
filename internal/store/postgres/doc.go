// Package postgres stores executions in a PostgreSQL database that any number of servers share: each commits batches over
// connections of its own, in two round trips, and reads what the others did from the feed of commits.
package postgres
