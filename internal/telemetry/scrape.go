package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Source looks up what a Snapshot shows. An error leaves its measurements out.
type Source func(ctx context.Context) (*Snapshot, error)

// Snapshot is what can be measured only by looking it up.
type Snapshot struct {
	Queues      []Queue
	Executions  map[string]int64 // open ones by state
	Sessions    int              // live worker sessions
	Capacity    int              // executions that they can hold together
	Data        int64            // bytes of the database
	Reusable    int64            // bytes inside it that are free
	WAL         int64            // bytes of the write-ahead log
	DiskFree    int64            // bytes; negative: unknown
	LowDisk     bool             // starts are refused for lack of room
	Deliveries  int64            // messages that wait for delivery
	Overdue     time.Duration    // how long ago the first of them should have gone out
	Connections int              // clients
	Refused     int64            // connections that were too many, since the start
	Databases   []Database       // servers of databases, none with a file
}

// Queue is the part of the queue of one workflow.
type Queue struct {
	Project, Workflow string
	Length            int64
	Oldest            time.Duration // how long the first has waited
}

const (
	// scrapeEvery bounds how often the source is asked.
	scrapeEvery = 5 * time.Second
	// scrapeTimeout bounds how long it may take.
	scrapeTimeout = 2 * time.Second
)

// scraper is a prometheus.Collector that asks a Source.
type scraper struct {
	source Source
	now    func() time.Time

	mu     sync.Mutex
	last   *Snapshot // nil: the source failed
	looked time.Time

	up, queueLength, queueOldest, open, sessions, capacity, bytes, diskFree, lowDisk, connections, refused, deliveries, overdue *prometheus.Desc

	databases databaseMetrics
}

func newScraper(source Source) *scraper {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("sojourn_"+name, help, labels, nil)
	}
	return &scraper{
		source: source, now: time.Now,
		up:          d("store_up", "1 when the data could be read for this scrape, otherwise 0: then what lies in it is left out."),
		queueLength: d("queue_executions", "Executions that wait for a worker.", "project", "workflow"),
		queueOldest: d("queue_oldest_seconds", "How long the first of them has waited.", "project", "workflow"),
		open:        d("executions_open", "Executions that have not ended, by state.", "status"),
		sessions:    d("worker_sessions", "Worker sessions that are alive."),
		capacity:    d("worker_capacity", "Executions that they can hold together."),
		bytes:       d("store_bytes", "Room that the data takes: data, reusable inside it, and the write-ahead log.", "part"),
		diskFree:    d("disk_free_bytes", "Free space where the data lies."),
		deliveries:  d("deliveries_pending", "Messages of callbacks and webhooks that wait for delivery."),
		overdue:     d("deliveries_overdue_seconds", "How long ago the first of them should have gone out."),
		lowDisk:     d("disk_low", "1 while starts are refused because the disk is nearly full."),
		connections: d("connections_open", "Connections of clients."),
		refused:     d("connections_refused_total", "Connections closed at once because there were too many."),

		databases: newDatabaseMetrics(d),
	}
}

// Describe implements prometheus.Collector.
func (s *scraper) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.up, s.queueLength, s.queueOldest, s.open, s.sessions, s.capacity, s.bytes, s.diskFree, s.lowDisk, s.connections, s.refused, s.deliveries, s.overdue} {
		ch <- d
	}
	s.databases.describe(ch)
}

// Collect implements prometheus.Collector.
func (s *scraper) Collect(ch chan<- prometheus.Metric) {
	x := s.snapshot()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if x == nil {
		gauge(s.up, 0)
		return
	}
	gauge(s.up, 1)
	for _, q := range x.Queues {
		gauge(s.queueLength, float64(q.Length), q.Project, q.Workflow)
		gauge(s.queueOldest, q.Oldest.Seconds(), q.Project, q.Workflow)
	}
	for status, n := range x.Executions {
		gauge(s.open, float64(n), status)
	}
	gauge(s.sessions, float64(x.Sessions))
	gauge(s.capacity, float64(x.Capacity))
	gauge(s.bytes, float64(x.Data), "data")
	gauge(s.bytes, float64(x.Reusable), "reusable")
	gauge(s.bytes, float64(x.WAL), "wal")
	if x.DiskFree >= 0 {
		gauge(s.diskFree, float64(x.DiskFree))
	}
	low := 0.0
	if x.LowDisk {
		low = 1
	}
	gauge(s.lowDisk, low)
	gauge(s.deliveries, float64(x.Deliveries))
	gauge(s.overdue, x.Overdue.Seconds())
	gauge(s.connections, float64(x.Connections))
	ch <- prometheus.MustNewConstMetric(s.refused, prometheus.CounterValue, float64(x.Refused))
	s.databases.collect(ch, x.Databases)
}

func (s *scraper) snapshot() *Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); s.looked.IsZero() || now.Sub(s.looked) >= scrapeEvery {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
		defer cancel()
		x, err := s.source(ctx)
		if err != nil {
			x = nil
		}
		s.last, s.looked = x, now
	}
	return s.last
}
