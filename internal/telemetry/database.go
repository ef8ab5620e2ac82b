package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Database is what is known of one database server. Negative numbers are unknown and not shown.
type Database struct {
	Cell                               string        // empty when there is one database
	Servers                            int           // Sojourn servers alive on it
	Pinned                             time.Duration // age of the oldest open transaction
	Horizon                            int64         // age of the oldest snapshot, in transactions
	Tables                             []Table
	Connections, MaxConnections        int
	Standbys                           int // synchronous ones that stream
	Commits, RoundTrips, CommitRetries int64
}

// Table is what is known of one table.
type Table struct {
	Name       string
	Live, Dead int64 // rows
}

// databaseMetrics are the measurements of databases.
type databaseMetrics struct {
	servers, pinned, horizon, rows, connections, most, standbys, commits, trips, retries *prometheus.Desc
}

func newDatabaseMetrics(d func(name, help string, labels ...string) *prometheus.Desc) databaseMetrics {
	return databaseMetrics{
		servers:     d("servers_alive", "Sojourn servers that are alive on the database.", "cell"),
		pinned:      d("database_oldest_transaction_seconds", "How long the oldest open transaction in the database has lasted.", "cell"),
		horizon:     d("database_horizon_transactions", "How many transactions ago the oldest row version was current that vacuum must keep.", "cell"),
		rows:        d("database_rows", "Rows of each table: live, and dead ones that vacuum has not removed yet.", "cell", "table", "state"),
		connections: d("database_connections", "Connections of all clients of the database server.", "cell"),
		most:        d("database_connections_most", "How many connections the database server allows.", "cell"),
		standbys:    d("database_synchronous_standbys", "Synchronous standbys that stream; left out when none is asked for.", "cell"),
		commits:     d("database_commits_total", "Transactions that this server has saved.", "cell"),
		trips:       d("database_commit_round_trips_total", "Round trips to the database that they took.", "cell"),
		retries:     d("database_commit_retries_total", "Transactions run again because they conflicted with others.", "cell"),
	}
}

func (m *databaseMetrics) describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.servers, m.pinned, m.horizon, m.rows, m.connections, m.most, m.standbys, m.commits, m.trips, m.retries} {
		ch <- d
	}
}

func (m *databaseMetrics) collect(ch chan<- prometheus.Metric, databases []Database) {
	for i := range databases {
		x := &databases[i]
		show := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
			if v >= 0 {
				ch <- prometheus.MustNewConstMetric(d, kind, v, append([]string{x.Cell}, labels...)...)
			}
		}
		gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
		show(m.servers, gauge, float64(x.Servers))
		show(m.pinned, gauge, x.Pinned.Seconds())
		show(m.horizon, gauge, float64(x.Horizon))
		for _, t := range x.Tables {
			show(m.rows, gauge, float64(t.Live), t.Name, "live")
			show(m.rows, gauge, float64(t.Dead), t.Name, "dead")
		}
		show(m.connections, gauge, float64(x.Connections))
		show(m.most, gauge, float64(x.MaxConnections))
		show(m.standbys, gauge, float64(x.Standbys))
		show(m.commits, counter, float64(x.Commits))
		show(m.trips, counter, float64(x.RoundTrips))
		show(m.retries, counter, float64(x.CommitRetries))
	}
}
