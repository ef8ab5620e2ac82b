package telemetry

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sojournhq/sojourn/internal/execution"
)

// Buckets in seconds: short is for what happens inside the server, long for what workers and waits take.
var (
	short = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	long  = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 6 * 3600, 86400, 7 * 86400}
	sizes = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}
)

// Metrics are the measurements of one server. They implement engine.Metrics, and count requests for Observer.
type Metrics struct {
	registry *prometheus.Registry
	scrape   *scraper

	batchSize   prometheus.Histogram
	batchTotal  prometheus.Observer
	batchSave   prometheus.Observer
	dispatch    prometheus.Histogram
	ended       [execution.Statuses]prometheus.Observer
	leasesLost  prometheus.Counter
	returned    *prometheus.CounterVec
	lateness    prometheus.Histogram
	attempts    *prometheus.HistogramVec
	requests    *prometheus.CounterVec
	took        *prometheus.HistogramVec
	inFlight    prometheus.Gauge
	requestsBy  sync.Map // requestLabels -> prometheus.Counter
	durationsBy sync.Map // route -> prometheus.Observer
}

type requestLabels struct {
	method, route string
	status        int
}

// NewMetrics makes the measurements of a server of the given version. What must be looked up is read by source when
// somebody asks, at most every five seconds.
func NewMetrics(version string, source Source) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		batchSize: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sojourn_commit_batch_commands", Help: "Commands committed together.", Buckets: sizes,
		}),
		dispatch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sojourn_dispatch_wait_seconds", Help: "Time that executions were ready before a worker had them.", Buckets: long,
		}),
		leasesLost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sojourn_leases_lost_total", Help: "Executions taken from workers that fell silent.",
		}),
		returned: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sojourn_claims_returned_total", Help: "Claims that did not count as an attempt, by reason.",
		}, []string{"reason"}),
		lateness: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sojourn_timer_lateness_seconds", Help: "How late timers fired.", Buckets: short,
		}),
		attempts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sojourn_delivery_attempt_seconds", Help: "Attempts to deliver callbacks and webhooks, by what they led to.", Buckets: short,
		}, []string{"outcome"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sojourn_http_requests_total", Help: "Requests answered, by route.",
		}, []string{"method", "route", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sojourn_http_request_seconds", Help: "Time to the answer, held requests included.", Buckets: short,
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sojourn_http_requests_in_flight", Help: "Requests being answered, held ones included.",
		}),
		scrape: newScraper(source),
	}
	commit := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sojourn_commit_seconds", Help: "Time of one commit: the whole transaction, and saving with the wait for the disk alone.", Buckets: short,
	}, []string{"part"})
	m.batchTotal, m.batchSave = commit.WithLabelValues("transaction"), commit.WithLabelValues("save")
	ended := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sojourn_execution_seconds", Help: "Time from creation to end of executions, by how they ended.", Buckets: long,
	}, []string{"status"})
	for s := range execution.Statuses {
		if status := execution.Status(s); status.Final() {
			m.ended[s] = ended.WithLabelValues(status.String())
		}
	}
	// What can happen is there from the start with 0, so that the first time shows as an increase.
	for _, reason := range []string{execution.ReturnedUnacknowledged, execution.ReturnedInterrupted} {
		m.returned.WithLabelValues(reason)
	}
	for _, outcome := range []string{"delivered", "failed", "gone", "dead"} {
		m.attempts.WithLabelValues(outcome)
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sojourn_build_info", Help: "Always 1; the label says which version runs.", ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	m.registry.MustRegister(
		m.batchSize, commit, m.dispatch, ended, m.leasesLost, m.returned, m.lateness, m.attempts, m.requests, m.took, m.inFlight,
		info, m.scrape, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Streams lets the metrics show how many streams of events are open.
func (m *Metrics) Streams(open func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sojourn_streams_open", Help: "Streams of events that are read.",
	}, func() float64 { return float64(open()) }))
}

// Behind lets the metrics show how long ago the server read what other servers did, for one of several.
func (m *Metrics) Behind(behind func() time.Duration) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sojourn_cluster_behind_seconds", Help: "How long ago this server last read what other servers did.",
	}, func() float64 { return behind().Seconds() }))
}

// Handler serves the measurements as Prometheus reads them.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, EnableOpenMetrics: true})
}

// Batch implements engine.Metrics.
func (m *Metrics) Batch(commands int, total, save time.Duration) {
	m.batchSize.Observe(float64(commands))
	m.batchTotal.Observe(total.Seconds())
	m.batchSave.Observe(save.Seconds())
}

// Dispatched implements engine.Metrics.
func (m *Metrics) Dispatched(waited time.Duration) { m.dispatch.Observe(waited.Seconds()) }

// Ended implements engine.Metrics.
func (m *Metrics) Ended(status execution.Status, sojourn time.Duration) {
	if o := m.ended[status]; o != nil {
		o.Observe(sojourn.Seconds())
	}
}

// LeaseLost implements engine.Metrics.
func (m *Metrics) LeaseLost() { m.leasesLost.Inc() }

// Returned implements engine.Metrics.
func (m *Metrics) Returned(reason string) { m.returned.WithLabelValues(reason).Inc() }

// Attempted implements webhook.Metrics.
func (m *Metrics) Attempted(outcome string, took time.Duration) {
	m.attempts.WithLabelValues(outcome).Observe(took.Seconds())
}

// Fired implements engine.Metrics.
func (m *Metrics) Fired(late time.Duration) { m.lateness.Observe(late.Seconds()) }

// request counts one answered request. The labels are few: methods that no route has are counted as one.
func (m *Metrics) request(method, route string, status int, took time.Duration) {
	if route == "other" {
		method = "other"
	}
	labels := requestLabels{method, route, status}
	counter, ok := m.requestsBy.Load(labels)
	if !ok {
		counter, _ = m.requestsBy.LoadOrStore(labels, m.requests.WithLabelValues(method, route, strconv.Itoa(status)))
	}
	counter.(prometheus.Counter).Inc()
	labels.status = 0
	duration, ok := m.durationsBy.Load(labels)
	if !ok {
		duration, _ = m.durationsBy.LoadOrStore(labels, m.took.WithLabelValues(method, route))
	}
	duration.(prometheus.Observer).Observe(took.Seconds())
}
