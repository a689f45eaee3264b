// Package telemetry holds the figures that monitors ask of the appliance, in the text format of Prometheus.
//
// It counts what it is told (requests, panics, lines of the log) and asks for the rest when somebody looks (Sources). No figure has a
// name of a person, a tenant, a host or a file as a label: operations, purposes and states alone, so that their number is bounded. It
// sends nothing anywhere.
//
// Begin with New.
package telemetry

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// Standing is how the appliance stands when somebody looks. Zero times are not known.
type Standing struct {
	Locked, ReadOnly bool
	DiskFree         int64 // bytes
	Store            store.Activity
	RunsInHand       int
	Mode             string
	Certificate      time.Time // when it ends
	SignInAt         time.Time // of the last check of the way in
	SignInFailed     bool
	LogFailed        bool // the last line was not written to the log file
}

// Options of the figures. Version and Standing are needed.
type Options struct {
	Version  string
	Standing func() Standing
	// Token reads what a monitor must show.
	Token func() (directory.Secret, error)
}

// Metrics is the figures. It is safe for many goroutines.
type Metrics struct {
	options  Options
	registry *prometheus.Registry
	page     http.Handler
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	panics   *prometheus.CounterVec
	lines    *prometheus.CounterVec
	sent     *prometheus.CounterVec
	dropped  *prometheus.CounterVec
}

// New makes the figures.
func New(o Options) (*Metrics, error) {
	m := &Metrics{
		options: o, registry: prometheus.NewPedanticRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "qrsd_requests_total", Help: "Requests answered, by operation of the API and class of status."}, []string{"operation", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "qrsd_request_seconds", Help: "Time to answer a request, by operation; of a stream until it begins.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60}}, []string{"operation"}),
		panics:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "qrsd_panics_total", Help: "Panics that ended a request, a stream or a task, and nothing else."}, []string{"operation"}),
		lines:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "qrsd_log_lines_total", Help: "Lines of the log, by level."}, []string{"level"}),
		sent:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "qrsd_collector_sent_total", Help: "Spans and errors that a collector elsewhere took, by purpose."}, []string{"purpose"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "qrsd_collector_dropped_total", Help: "Spans and errors that were dropped because the collector did not take them, by purpose."}, []string{"purpose"}),
	}
	for _, purpose := range []string{"traces", "errors"} {
		m.sent.WithLabelValues(purpose)
		m.dropped.WithLabelValues(purpose)
	}
	for _, level := range []string{"warn", "error"} {
		m.lines.WithLabelValues(level) // there from the beginning, so that a rate is known of the first one
	}
	for _, c := range []prometheus.Collector{
		m.requests, m.took, m.panics, m.lines, m.sent, m.dropped, standing{m}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := m.registry.Register(c); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}
	m.page = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true, ErrorHandling: promhttp.HTTPErrorOnError})
	return m, nil
}

// Token is what a monitor shows.
func (m *Metrics) Token() (directory.Secret, error) { return m.options.Token() }

// Answered counts a request.
func (m *Metrics) Answered(operation string, status int, took time.Duration) {
	if operation == "" {
		operation = "none"
	}
	m.requests.WithLabelValues(operation, strconv.Itoa(status/100)+"xx").Inc()
	m.took.WithLabelValues(operation).Observe(took.Seconds())
}

// Panicked counts a panic.
func (m *Metrics) Panicked(operation string) {
	if operation == "" {
		operation = "none"
	}
	m.panics.WithLabelValues(operation).Inc()
}

// Sent counts what a collector took.
func (m *Metrics) Sent(purpose string, count int) {
	m.sent.WithLabelValues(purpose).Add(float64(count))
}

// Dropped counts what no collector took.
func (m *Metrics) Dropped(purpose string, count int) {
	m.dropped.WithLabelValues(purpose).Add(float64(count))
}

// Accept counts a line of the log: Metrics is a hclog.SinkAdapter.
func (m *Metrics) Accept(_ string, level hclog.Level, _ string, _ ...any) {
	if level >= hclog.Warn {
		m.lines.WithLabelValues(level.String()).Inc()
	}
}

// Text is all figures.
func (m *Metrics) Text() ([]byte, error) {
	q, err := http.NewRequest(http.MethodGet, "/metrics", nil) //nolint:noctx // it goes nowhere: the figures are written by a handler
	if err != nil {
		return nil, err
	}
	w := &page{header: http.Header{}}
	m.page.ServeHTTP(w, q)
	if w.status >= http.StatusBadRequest {
		return nil, fmt.Errorf("metrics: %s", bytes.TrimSpace(w.body.Bytes()))
	}
	return w.body.Bytes(), nil
}

// page takes what the handler of Prometheus writes.
type page struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (p *page) Header() http.Header            { return p.header }
func (p *page) WriteHeader(status int)         { p.status = status }
func (p *page) Write(text []byte) (int, error) { return p.body.Write(text) }

// standing asks for the figures that are not counted here.
type standing struct{ *Metrics }

// figure is one of them.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(Standing, Options) (value float64, known bool)
}

func known(value float64) (float64, bool) { return value, true }

func flag(yes bool) (float64, bool) {
	if yes {
		return 1, true
	}
	return 0, true
}

// at is a time as Prometheus writes them; not known where it is zero.
func at(t time.Time) (float64, bool) { return float64(t.Unix()), !t.IsZero() }

func gauge(name, help string, of func(Standing, Options) (float64, bool)) figure {
	return figure{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, of}
}

func counter(name, help string, of func(store.Activity) float64) figure {
	return figure{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, func(s Standing, _ Options) (float64, bool) { return known(of(s.Store)) }}
}

func figures(o Options) []figure {
	return []figure{
		{prometheus.NewDesc("qrsd_build_info", "The program; always 1.", nil, prometheus.Labels{"version": o.Version, "go": runtime.Version()}), prometheus.GaugeValue,
			func(Standing, Options) (float64, bool) { return known(1) }},
		gauge("qrsd_store_locked", "Whether the store is locked.", func(s Standing, _ Options) (float64, bool) { return flag(s.Locked) }),
		gauge("qrsd_store_read_only", "Whether changes are refused because the disk is nearly full.", func(s Standing, _ Options) (float64, bool) { return flag(s.ReadOnly) }),
		gauge("qrsd_store_failed", "Whether the database takes no change until the next start.", func(s Standing, _ Options) (float64, bool) { return flag(s.Store.Failed != "") }),
		gauge("qrsd_store_disk_free_bytes", "Room on the store's disk.", func(s Standing, _ Options) (float64, bool) { return known(float64(s.DiskFree)) }),
		gauge("qrsd_store_used_bytes", "Of the database, in pages that hold something.", func(s Standing, _ Options) (float64, bool) { return known(float64(s.Store.Used)) }),
		gauge("qrsd_store_queued", "Changes that wait to be written.", func(s Standing, _ Options) (float64, bool) { return known(float64(s.Store.Queued)) }),
		gauge("qrsd_store_open_reads", "Snapshots that are held.", func(s Standing, _ Options) (float64, bool) { return known(float64(s.Store.OpenReads)) }),
		counter("qrsd_store_commits_total", "Commits, each with one wait for the disk.", func(a store.Activity) float64 { return float64(a.Batches) }),
		counter("qrsd_store_changes_total", "Changes in them.", func(a store.Activity) float64 { return float64(a.Ops) }),
		counter("qrsd_store_long_reads_total", "Snapshots taken back because they were held too long.", func(a store.Activity) float64 { return float64(a.LongReads) }),
		gauge("qrsd_runs_in_hand", "Runs that are carried out.", func(s Standing, _ Options) (float64, bool) { return known(float64(s.RunsInHand)) }),
		gauge("qrsd_certificate_end_seconds", "When the certificate ends, in Unix time.", func(s Standing, _ Options) (float64, bool) { return at(s.Certificate) }),
		gauge("qrsd_sign_in_check_seconds", "When the way in was last looked at, in Unix time.", func(s Standing, _ Options) (float64, bool) { return at(s.SignInAt) }),
		gauge("qrsd_sign_in_check_failed", "Whether it was found out of order.", func(s Standing, _ Options) (float64, bool) {
			failed, _ := flag(s.SignInFailed)
			return failed, !s.SignInAt.IsZero()
		}),
		gauge("qrsd_log_file_failed", "Whether the last line could not be written to the log file.", func(s Standing, _ Options) (float64, bool) { return flag(s.LogFailed) }),
	}
}

// modes are the values of a label: one of them is 1.
var modes = []string{"air-gapped", "hybrid", "connected"}

var modeDesc = prometheus.NewDesc("qrsd_mode", "How far the appliance may reach: 1 at the one that holds.", []string{"mode"}, nil)

// Describe is prometheus.Collector's.
func (s standing) Describe(to chan<- *prometheus.Desc) {
	for _, f := range figures(s.options) {
		to <- f.desc
	}
	to <- modeDesc
}

// Collect is prometheus.Collector's.
func (s standing) Collect(to chan<- prometheus.Metric) {
	now := s.options.Standing()
	for _, f := range figures(s.options) {
		if value, known := f.of(now, s.options); known {
			to <- prometheus.MustNewConstMetric(f.desc, f.kind, value)
		}
	}
	for _, mode := range modes {
		value, _ := flag(mode == now.Mode)
		to <- prometheus.MustNewConstMetric(modeDesc, prometheus.GaugeValue, value, mode)
	}
}
