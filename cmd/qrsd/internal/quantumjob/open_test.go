package quantumjob_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

// noise is about that of a trapped-ion device.
var noise = brakettest.Noise{Depolarising: 0.002, Read1As0: 0.003, Read0As1: 0.003}

// site is a host or a relay with its home, a run, and an emulator of the service.
type site struct {
	*quantumjob.Jobs
	home   *quantumjob.Home
	run    quantumjob.ResultsFolder
	server *brakettest.Server
	clock  *clock
}

// open makes a site. In the end its record of what left must verify and hold every request that the emulator received.
func open(t *testing.T, o brakettest.Options) *site {
	t.Helper()
	s := &site{clock: &clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}}
	o.Now = s.clock.Now
	s.server = brakettest.New(o)
	http := httptest.NewServer(s.server)
	t.Cleanup(http.Close)
	var err error
	if s.home, err = quantumjob.OpenHome(filepath.Join(t.TempDir(), "home")); err != nil {
		t.Fatal(err)
	}
	s.run = quantumjob.ResultsFolder(t.TempDir())
	writeRun(t, s.run, losses(1))
	s.Jobs = &quantumjob.Jobs{Keeper: s.home, Journal: s.home.Journal(s.clock.Now), Random: random(1), Now: s.clock.Now, Budget: s.home}
	if s.HostKey, err = s.home.HostKey(); err != nil {
		t.Fatal(err)
	}
	if s.Tokens, err = s.home.Tokens(); err != nil {
		t.Fatal(err)
	}
	s.Client = newClient(t, s, http.URL)
	t.Cleanup(func() { s.checkRecord(t) })
	return s
}

func newClient(t *testing.T, s *site, endpoint string) *braket.Client {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	journal := s.home.Journal(s.clock.Now)
	dialer, err := outbound.New(outbound.Options{Mode: outbound.Hybrid, Log: journal,
		Allowed: []outbound.Destination{{Host: u.Hostname(), Port: port, Purpose: outbound.Circuits, Plaintext: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return &braket.Client{HTTP: dialer.Client(outbound.Circuits),
		Credentials: credentials.NewStaticCredentialsProvider(brakettest.ExampleKeyID, brakettest.ExampleSecretKey, ""),
		Region:      "us-east-1", Bucket: "results-example", Prefix: "tasks", Journal: journal,
		Endpoint: endpoint, ObjectEndpoint: endpoint, Now: s.clock.Now, Sleep: s.clock.Sleep}
}

// checkRecord verifies the chain and wants a request on record for each that came.
func (s *site) checkRecord(t *testing.T) {
	t.Helper()
	requests := 0
	if _, err := s.home.Journal(s.clock.Now).Verify(func(e egress.Entry) error {
		if e.Kind == egress.KindRequest && e.Purpose != "export" {
			requests++
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	came := 0
	for _, operation := range []string{"GetDevice", "CreateQuantumTask", "GetQuantumTask", "CancelQuantumTask", "GetObject"} {
		came += s.server.Received(operation)
	}
	if came > requests {
		t.Errorf("%d requests came, and %d are on record", came, requests)
	}
}

var arnForm = regexp.MustCompile(`arn:aws:braket:[^"]*:quantum-task/[^"]*`)

// made is how many tasks the service answered to have made, by the record.
func (s *site) made(t *testing.T) int {
	t.Helper()
	arns := map[string]bool{}
	if _, err := s.home.Journal(s.clock.Now).Verify(func(e egress.Entry) error {
		if e.Kind == egress.KindOutcome && e.Purpose == "CreateQuantumTask" {
			arns[arnForm.FindString(string(e.Bytes))] = true
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return len(arns)
}

// losses are annual losses of a seed: most years none, the rest with a heavy tail.
func losses(key uint64) []float64 {
	var all []float64
	for i := range uint64(2000) {
		if u := rng.New(key).Float64(i); u < 0.6 {
			all = append(all, 1e6*math.Exp(1.5*rng.New(key).Derive(1).Normal(i)))
		}
	}
	return all
}

// writeRun writes the estimate file of a run of these losses.
func writeRun(t testing.TB, folder quantumjob.ResultsFolder, positive []float64) {
	t.Helper()
	writeReport(t, folder, newReport(t, "gross AEP", positive))
}

func newReport(t testing.TB, name string, positive []float64) *quantum.Report {
	t.Helper()
	p, err := quantum.NewProblem(quantum.Losses{Name: name, Years: 2000, Samples: 1, Positive: positive}, 8, []float64{5, 10, 100})
	if err != nil {
		t.Fatal(err)
	}
	return &quantum.Report{Format: quantum.Format, Notice: quantum.Notice, Currency: "USD", Panels: []*quantum.Panel{{Problem: p}}}
}

func writeReport(t testing.TB, folder quantumjob.ResultsFolder, r *quantum.Report) {
	t.Helper()
	text, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(filepath.Join(string(folder), runner.EstimateFile), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// plan asks the device with three powers and a twin for each.
func plan(device string, folder quantumjob.ResultsFolder) quantumjob.Plan {
	return quantumjob.Plan{Device: device, Folder: string(folder), Schedule: egress.Schedule{Qubits: 2, Powers: []int{0, 1, 2}, Shots: 500, Twins: 1}}
}

// prepare makes a job of the site's run.
func (s *site) prepare(t *testing.T, device, question string) *quantumjob.Kept {
	t.Helper()
	return s.prepareWith(t, question, plan(device, s.run))
}

func (s *site) prepareWith(t *testing.T, question string, p quantumjob.Plan) *quantumjob.Kept {
	t.Helper()
	q, err := quantumjob.Pick(t.Context(), s.run, question)
	if err != nil {
		t.Fatal(err)
	}
	p.Folder = string(s.run)
	k, err := s.Prepare(t.Context(), q, p)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// reload is the job as another process finds it.
func (s *site) reload(t *testing.T, id string) *quantumjob.Kept {
	t.Helper()
	k, err := s.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// random is a stream of bytes of a seed.
func random(seed uint64) io.Reader { return &stream{key: rng.New(seed)} }

type stream struct {
	key  rng.Key
	next uint64
}

func (s *stream) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(s.key.Uint64(s.next))
		s.next++
	}
	return len(b), nil
}

// clock is a clock that only sleeping moves.
type clock struct {
	mutex sync.Mutex
	now   time.Time
}

func (c *clock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// sources are the texts of a job.
func sources(k *quantumjob.Kept) []byte {
	var all bytes.Buffer
	for _, c := range k.Circuits {
		all.WriteString(c.Source)
	}
	return all.Bytes()
}
