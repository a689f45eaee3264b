package quantumdesk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumdesk"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// office is an appliance with a tenant that has a finished run, and an emulator of the service.
type office struct {
	*testing.T
	db      *store.DB
	desk    *quantumdesk.Desk
	service *brakettest.Server
	mode    outbound.Mode
	tenant  store.ID
	run     store.ID
	modeler *workspace.Workspace
	admin   *workspace.Workspace
	trail   *store.Tenant       // of the administrator
	before  func(*http.Request) // hears of each request to the service; nil: nobody
}

// open makes an office. In the end its record of what left must verify and hold every request that the emulator received.
func open(t *testing.T, o brakettest.Options) *office {
	t.Helper()
	f := &office{T: t, service: brakettest.New(o), mode: outbound.Hybrid}
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.before != nil {
			f.before(r)
		}
		f.service.ServeHTTP(w, r)
	}))
	t.Cleanup(listening.Close)
	db := storetest.New(t, store.Options{})
	f.db = db
	f.tenant = storetest.AddTenant(t, db, "Example Mutual")
	as := func(role store.Role) *store.Tenant {
		of, err := db.Tenant(t.Context(), storetest.User(f.tenant, role), f.tenant)
		f.must(err)
		return of
	}
	f.trail = as(store.Admin)
	f.modeler, f.admin = workspace.Open(as(store.Modeler)), workspace.Open(f.trail)
	f.run = f.finishedRun()
	f.desk = quantumdesk.New(quantumdesk.Options{
		DB: db, Mode: func() outbound.Mode { return f.mode }, Random: &stream{key: rng.New(1)},
		Client: func(_ context.Context, j egress.Journal) (*braket.Client, error) {
			return client(t, listening.URL, j), nil
		},
	})
	t.Cleanup(func() { f.checkRecord() })
	return f
}

func (f *office) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// client reaches the emulator, and nothing else.
func client(t *testing.T, endpoint string, j egress.Journal) *braket.Client {
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	dialer, err := outbound.New(outbound.Options{
		Mode: outbound.Hybrid, Log: nowhere{}, Allowed: []outbound.Destination{{Host: u.Hostname(), Port: port, Purpose: outbound.Circuits, Plaintext: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &braket.Client{
		HTTP: dialer.Client(outbound.Circuits), Credentials: credentials.NewStaticCredentialsProvider(brakettest.ExampleKeyID, brakettest.ExampleSecretKey, ""),
		Region: "us-east-1", Bucket: "results-example", Prefix: "tasks", Journal: j, Endpoint: endpoint, ObjectEndpoint: endpoint,
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// nowhere drops the record of connections: that of requests is what is tested.
type nowhere struct{}

func (nowhere) Opening(outbound.Connection) error { return nil }
func (nowhere) Ended(outbound.Connection)         {}

// finishedRun is a run with the estimate of heavy-tailed losses.
func (f *office) finishedRun() store.ID {
	f.Helper()
	ctx, model := f.Context(), [32]byte{1}
	whole := func(name, role string, text []byte) workspace.NewFile {
		return workspace.NewFile{Name: name, Role: role, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }}
	}
	portfolio, err := f.modeler.Import(ctx, workspace.NewPortfolio{
		Name: "Coast", Digest: [32]byte{2}, Locations: 1, Accounts: 1, TIV: 1e6, Currency: "USD", Files: []workspace.NewFile{whole("l.csv", "location", []byte("LocNumber\n1\n"))},
	})
	f.must(err)
	id, err := f.modeler.Submit(ctx, workspace.NewRun{Portfolio: portfolio, Model: model, ModelVersion: engine.Version, Spec: engine.Spec{Years: 2000, ReturnPeriods: []float64{5}}})
	f.must(err)
	_, err = f.modeler.Claim(ctx, id, "test", time.Hour)
	f.must(err)
	var positive []float64
	for i := range uint64(2000) {
		if u := rng.New(1).Float64(i); u < 0.6 {
			positive = append(positive, 1e6*math.Exp(1.5*rng.New(1).Derive(1).Normal(i)))
		}
	}
	p, err := quantum.NewProblem(quantum.Losses{Name: "gross AEP", Years: 2000, Samples: 1, Positive: positive}, 8, []float64{5, 100})
	f.must(err)
	text, err := json.Marshal(quantum.Report{Format: quantum.Format, Notice: quantum.Notice, Currency: "USD", Panels: []*quantum.Panel{{Problem: p}}})
	f.must(err)
	_, err = f.modeler.Finish(ctx, id, "test", []workspace.NewFile{whole("quantum.json", "estimate", text), whole("manifest.json", "manifest", []byte("{}"))})
	f.must(err)
	return id
}

// checkRecord verifies the record of what left and wants each request of the emulator's in it.
func (f *office) checkRecord() {
	requests := 0
	_, err := f.admin.Egress(context.Background(), func(e egress.Entry) error {
		if e.Kind == egress.KindRequest && e.Purpose != "export" {
			requests++
		}
		return nil
	})
	if err != nil {
		f.Error(err)
	}
	came := 0
	for _, operation := range []string{"GetDevice", "CreateQuantumTask", "GetQuantumTask", "CancelQuantumTask", "GetObject"} {
		came += f.service.Received(operation)
	}
	if came > requests {
		f.Errorf("%d requests came, %d are on record", came, requests)
	}
}

// prepare keeps a job as the API does.
func (f *office) prepare(device string) store.ID {
	f.Helper()
	shots := 500
	n, err := f.desk.Prepare(f.Context(), f.tenant, f.run, wire.NewQuantumJob{Question: "gross-aep/exceedance/5", Device: device, Qubits: pointer(2), Shots: &shots})
	f.must(err)
	r, err := f.modeler.PrepareDeviceJob(f.Context(), n)
	f.must(err)
	return r.ID
}

func pointer[T any](v T) *T { return &v }

func (f *office) job(id store.ID) wire.QuantumJob {
	f.Helper()
	r, err := f.modeler.DeviceJob(f.Context(), id)
	f.must(err)
	j, err := f.desk.View(r)
	f.must(err)
	return j
}

// quote enters the job in the ledger and asks for its price.
func (f *office) quote(id store.ID) wire.QuantumOffer {
	f.Helper()
	_, err := f.modeler.BeginDeviceJob(f.Context(), id)
	f.must(err)
	o, err := f.desk.Quote(f.Context(), f.tenant, id)
	f.must(err)
	return o
}

func (f *office) limit(usd string, relays ...wire.NewQuantumRelay) {
	f.Helper()
	s, err := f.desk.Settings(wire.QuantumSettingsChange{LimitUSD: &usd, Relays: relays})
	f.must(err)
	_, _, err = f.admin.SetDeviceSettings(f.Context(), s, 0)
	f.must(err)
}

// wantWords wants an error for the user with these words.
func (f *office) wantWords(err error, words string) {
	f.Helper()
	var unavailable *web.Unavailable
	var invalid *workspace.Invalid
	if !errors.As(err, &unavailable) && !errors.As(err, &invalid) || !strings.Contains(err.Error(), words) {
		f.Errorf("got %v, want %q in words for the user", err, words)
	}
}

// stream is random bytes of a seed.
type stream struct {
	mu   sync.Mutex
	key  rng.Key
	next uint64
}

func (s *stream) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range b {
		b[i] = byte(s.key.Uint64(s.next))
		s.next++
	}
	return len(b), nil
}

// TestJourney: a job from its question to its estimate, with a limit, a quote, a person's agreement, and everything on record.
func TestJourney(t *testing.T) {
	f := open(t, brakettest.Options{Noise: brakettest.Noise{Depolarising: 0.002, Read1As0: 0.003, Read0As1: 0.003}, Seed: 4})
	ctx := t.Context()
	id := f.prepare("forte-1")
	if f.service.Received("GetDevice") != 0 || f.job(id).Estimate != "" {
		t.Fatal("a job that was only prepared has left")
	}
	o := f.quote(id)
	if o.Quote.TotalUSD != "241.80" || o.Quote.Tasks != 6 || len(o.Requests) != 6 || len(o.Quote.Digest) != 64 || f.service.Received("CreateQuantumTask") != 0 {
		t.Fatalf("quote %+v", o)
	}
	f.wantWords(f.desk.Submit(ctx, f.tenant, id), "not confirmed")
	var wrong *workspace.QuoteError
	if _, err := f.modeler.ConfirmDeviceJob(ctx, id, strings.Repeat("0", 64)); !errors.As(err, &wrong) {
		t.Fatalf("another digest: %v", err)
	}
	_, err := f.modeler.ConfirmDeviceJob(ctx, id, o.Quote.Digest)
	f.must(err)
	f.wantWords(f.desk.Submit(ctx, f.tenant, id), "no limit is set")
	f.limit("241.79")
	f.wantWords(f.desk.Submit(ctx, f.tenant, id), "costs 241.80 USD")
	if f.service.Received("CreateQuantumTask") != 0 {
		t.Fatal("tasks were created beyond the limit")
	}
	f.limit("300.00")
	f.must(f.desk.Submit(ctx, f.tenant, id))
	if j := f.job(id); j.Stage != "submitted" || j.QuotedUSD != "241.80" || j.PendingUSD != "0.00" || j.Circuits[5].ARN == "" {
		t.Fatalf("submitted: %+v", j)
	}
	f.wantWords(f.desk.Submit(ctx, f.tenant, id), "nothing of job") // a second time costs nothing
	for range 10 {
		f.must(f.desk.Follow(ctx, f.tenant, id))
		if f.job(id).Stage == "answered" {
			break
		}
	}
	f.wantEstimate(id, "ARN as answered by the provider")

	other := f.prepare("forte-1") // of 300 USD, 58.20 are left
	o = f.quote(other)
	_, err = f.modeler.ConfirmDeviceJob(ctx, other, o.Quote.Digest)
	f.must(err)
	f.wantWords(f.desk.Submit(ctx, f.tenant, other), "58.20 USD")
}

// wantEstimate wants an answered job whose estimate is near, in register, ledger and log.
func (f *office) wantEstimate(id store.ID, provenance string) {
	f.Helper()
	j := f.job(id)
	var report quantumjob.Report
	f.must(json.Unmarshal(j.Report, &report))
	if j.Stage != "answered" || report.Estimate == nil || math.Abs(report.Estimate.Value-report.Exact) > 0.05 || !strings.HasPrefix(report.Provenance, provenance) || len(report.Tasks) != 6 {
		f.Errorf("%+v\nreport %+v", j, report)
	}
	at, err := store.ParseID(j.Estimate)
	f.must(err)
	kept, err := f.modeler.Estimate(f.Context(), at)
	f.must(err)
	if kept.Value.State != workspace.Answered || len(kept.Value.Tasks) != 6 || len(kept.Value.Files) != 1 {
		f.Errorf("in the register: %+v", kept.Value)
	}
	kinds := map[ledger.Kind]int{}
	leaves, err := f.trail.Ledger(f.Context(), 0, 1000)
	f.must(err)
	for _, l := range leaves {
		if l.Lineage.Subject == ledger.ID(at) {
			kinds[l.Lineage.Kind]++
		}
	}
	if kinds[ledger.HardwareJob] == 0 || kinds[ledger.EstimateRecorded] != 1 {
		f.Errorf("leaves of the job: %v", kinds)
	}
	f.must(f.desk.Follow(f.Context(), f.tenant, id)) // once more changes nothing
}

// TestNotWhatWasConfirmed: where price or bytes are others than at the quote, nothing is sent.
func TestNotWhatWasConfirmed(t *testing.T) {
	f := open(t, brakettest.Options{})
	f.limit("1000.00")
	id := f.prepare("forte-1")
	f.quote(id)
	// As if a byte of what would be sent had been another when the quote was made.
	desk, err := workspace.OpenDeviceDesk(t.Context(), f.db, f.tenant)
	f.must(err)
	_, err = desk.Change(t.Context(), id, func(j *workspace.DeviceJob) error { j.Quote.Digest = strings.Repeat("a", 64); return nil })
	f.must(err)
	_, err = f.modeler.ConfirmDeviceJob(t.Context(), id, strings.Repeat("a", 64))
	f.must(err)
	f.wantWords(f.desk.Submit(t.Context(), f.tenant, id), "is not what was confirmed")
	if n := f.service.Received("CreateQuantumTask"); n != 0 {
		t.Errorf("%d tasks were created", n)
	}
}

// TestModes: an air-gapped appliance sends nothing, and says so; what is carried works.
func TestModes(t *testing.T) {
	f := open(t, brakettest.Options{})
	f.limit("1000.00")
	id := f.prepare("sv1")
	f.mode = outbound.AirGapped
	_, err := f.modeler.BeginDeviceJob(t.Context(), id)
	f.must(err)
	_, err = f.desk.Quote(t.Context(), f.tenant, id)
	f.wantWords(err, "air-gapped")
	for _, step := range []func(context.Context, store.ID, store.ID) error{f.desk.Cancel} {
		f.wantWords(step(t.Context(), f.tenant, id), "air-gapped")
	}
	if _, err := f.desk.Export(t.Context(), f.tenant, id, "1.00"); err != nil {
		t.Error(err)
	}
	if f.service.Received("GetDevice") != 0 {
		t.Error("a device was asked")
	}
	none := quantumdesk.New(quantumdesk.Options{DB: f.db, Mode: func() outbound.Mode { return outbound.Connected }})
	f.wantWords(none.Reachable(), "no quantum service is configured")
}

// TestCarried: a job goes to a relay as a file and its result comes back, once.
func TestCarried(t *testing.T) {
	f := open(t, brakettest.Options{Seed: 3})
	ctx := t.Context()
	key, err := relay.NewKey(&stream{key: rng.New(7)})
	f.must(err)
	f.limit("299.99", wire.NewQuantumRelay{Name: "harbour", PublicKey: key.Public().String()})
	id := f.prepare("forte-1")
	_, err = f.desk.Export(ctx, f.tenant, id, "300.00")
	if err == nil {
		t.Fatal("a job without a place in the ledger was given out")
	}
	_, err = f.modeler.BeginDeviceJob(ctx, id)
	f.must(err)
	_, err = f.desk.Export(ctx, f.tenant, id, "much")
	f.wantWords(err, "decimal")
	_, err = f.desk.Export(ctx, f.tenant, id, "300.00")
	f.wantWords(err, "299.99 USD") // which is all that may be spent
	if j := f.job(id); j.Stage != "prepared" || j.PendingUSD != "0.00" {
		t.Fatalf("an export beyond the limit: %+v", j)
	}
	f.limit("400.00", wire.NewQuantumRelay{Name: "harbour", PublicKey: key.Public().String()})
	file, err := f.desk.Export(ctx, f.tenant, id, "300.00")
	f.must(err)
	f.beyondLimit("300.00")
	again, err := f.desk.Export(ctx, f.tenant, id, "300.00")
	f.must(err)
	if !bytes.Equal(file, again) {
		t.Error("the same job gave two files")
	}
	_, err = f.desk.Quote(ctx, f.tenant, id)
	f.wantWords(err, "a job leaves once")
	for _, secret := range []string{"gross", "exceedance", f.run.String(), id.String()} {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("%s was carried", secret)
		}
	}
	result := f.errand(file, key)
	f.refuseResults(file, result)
	found, err := f.desk.Check(ctx, f.tenant, result)
	f.must(err)
	if found != id || f.job(id).Stage != "exported" {
		t.Fatalf("the result answers %s, job %+v", found, f.job(id))
	}
	f.must(f.desk.Import(ctx, f.tenant, result))
	f.wantEstimate(id, "ARN as reported by relay harbour")
	if j := f.job(id); j.PendingUSD != "0.00" || j.QuotedUSD != "241.80" {
		t.Errorf("answered: %s USD pending, %s quoted", j.PendingUSD, j.QuotedUSD)
	}
	f.wantWords(f.desk.Import(ctx, f.tenant, result), "answered before")
}

// beyondLimit wants no room for another job at a price while one is carried, and none for a file before a limit is set.
func (f *office) beyondLimit(price string) {
	f.Helper()
	other := f.prepare("forte-1")
	_, err := f.modeler.BeginDeviceJob(f.Context(), other)
	f.must(err)
	_, err = f.desk.Export(f.Context(), f.tenant, other, price)
	f.wantWords(err, "100.00 USD")
}

// TestCancelledOnTheWay: a cancellation while a job is being submitted ends the submission before its next task, waits for that, and cancels what
// was created; nothing stays pending.
func TestCancelledOnTheWay(t *testing.T) {
	f := open(t, brakettest.Options{Polls: 40})
	ctx := t.Context()
	f.limit("1000.00")
	id := f.prepare("forte-1")
	o := f.quote(id)
	_, err := f.modeler.ConfirmDeviceJob(ctx, id, o.Quote.Digest)
	f.must(err)
	cancelled, tasks := make(chan error, 1), 0
	f.before = func(r *http.Request) {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/quantum-task") {
			return
		}
		if tasks++; tasks != 2 {
			return
		}
		if _, err := f.modeler.CancelDeviceJob(context.Background(), id); err != nil {
			t.Error(err)
		}
		go func() { cancelled <- f.desk.Cancel(ctx, f.tenant, id) }()
	}
	f.wantWords(f.desk.Submit(ctx, f.tenant, id), "cancelled meanwhile")
	f.must(<-cancelled)
	if n := f.service.Received("CreateQuantumTask"); n != 2 {
		t.Errorf("%d tasks were created, want the one before the cancellation and the one on its way", n)
	}
	if n := f.service.Received("CancelQuantumTask"); n < 2 {
		t.Errorf("%d tasks were cancelled", n)
	}
	if j := f.job(id); j.PendingUSD != "0.00" {
		t.Errorf("%s USD are pending still", j.PendingUSD)
	}
}

// errand runs a job's file at a relay that trusts the tenant.
func (f *office) errand(file []byte, key *relay.Key) []byte {
	f.Helper()
	s, _, err := f.modeler.DeviceSettings(f.Context())
	f.must(err)
	var host relay.PublicKey
	f.must(host.UnmarshalText([]byte(s.Value.Public)))
	home, err := quantumjob.OpenHome(filepath.Join(f.TempDir(), "relay"))
	f.must(err)
	far := httptest.NewServer(brakettest.New(brakettest.Options{Seed: 9}))
	f.Cleanup(far.Close)
	tokens, err := home.Tokens()
	f.must(err)
	r := &quantumjob.Relay{
		Name: "harbour", Key: key, Hosts: relay.Trust{{Name: "office", Key: host}}, Book: home, Tokens: tokens, Now: time.Now, Budget: home,
		Client: client(f.T, far.URL, home.Journal(time.Now)),
	}
	e, err := r.Take(f.Context(), file)
	f.must(err)
	result, err := r.Run(f.Context(), e, nil)
	f.must(err)
	return result
}

// refuseResults tries what is no result of the job; nothing is changed by it.
func (f *office) refuseResults(file, result []byte) {
	f.Helper()
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"one byte": {bytes.Replace(result, []byte(`"harbour"`), []byte(`"harbouR"`), 1), "signature does not fit"},
		"the job":  {file, "is needed"}, "nothing": {nil, "no JSON document"}, "words": {[]byte("hello"), "no JSON document"},
	} {
		_, err := f.desk.Check(f.Context(), f.tenant, c.file)
		if err == nil {
			f.Errorf("%s was taken in", name)
			continue
		}
		f.wantWords(err, c.want)
	}
}

// TestCancelled: of a submitted job the tasks are cancelled, and its place in the register ends; one that was exported and withdrawn takes no result in.
func TestCancelled(t *testing.T) {
	f := open(t, brakettest.Options{Polls: 4})
	ctx := t.Context()
	f.limit("1000.00")
	id := f.prepare("forte-1")
	o := f.quote(id)
	_, err := f.modeler.ConfirmDeviceJob(ctx, id, o.Quote.Digest)
	f.must(err)
	f.must(f.desk.Submit(ctx, f.tenant, id))
	r, err := f.modeler.CancelDeviceJob(ctx, id)
	f.must(err)
	if !r.Value.Cancel || r.Value.Stage != workspace.DeviceSubmitted {
		t.Fatalf("%+v", r.Value)
	}
	f.must(f.desk.Cancel(ctx, f.tenant, id))
	for range 8 {
		f.must(f.desk.Follow(ctx, f.tenant, id))
	}
	kept, err := f.modeler.Estimate(ctx, *r.Value.Estimate)
	f.must(err)
	if kept.Value.State != workspace.NotObtainable || kept.Value.Reason != "cancelled" || f.service.Received("CancelQuantumTask") != 6 {
		t.Errorf("%+v, %d cancelled; job %+v", kept.Value, f.service.Received("CancelQuantumTask"), f.job(id))
	}

	given := f.prepare("sv1")
	_, err = f.modeler.BeginDeviceJob(ctx, given)
	f.must(err)
	file, err := f.desk.Export(ctx, f.tenant, given, "300.00")
	f.must(err)
	key, err := relay.NewKey(&stream{key: rng.New(8)})
	f.must(err)
	result := f.errand(file, key)
	_, err = f.modeler.CancelDeviceJob(ctx, given)
	f.must(err)
	if j := f.job(given); j.PendingUSD != "300.00" || j.Circuits == nil || len(j.Circuits) != 0 || j.Text == "" {
		t.Errorf("withdrawn after it was given out: %+v", j) // its file may still be run, and no circuits are kept
	}
	_, err = f.desk.Check(ctx, f.tenant, result)
	f.wantWords(err, "was withdrawn")
}

// TestOpenJobs: a tenant has so many open jobs; one that is withdrawn makes room, and keeps none of its circuits.
func TestOpenJobs(t *testing.T) {
	f := open(t, brakettest.Options{})
	prepare := func() (r store.Record[workspace.DeviceJob], err error) {
		return f.modeler.PrepareDeviceJob(t.Context(), workspace.NewDeviceJob{Run: f.run, Question: "q", Device: "d", Shots: 1, State: json.RawMessage(`{"id":"x","circuits":[1]}`)})
	}
	var last store.ID
	for range 50 {
		r, err := prepare()
		f.must(err)
		last = r.ID
	}
	var full *workspace.QuotaError
	if _, err := prepare(); !errors.As(err, &full) || !strings.Contains(err.Error(), "50 at most") {
		t.Errorf("one more: %v", err)
	}
	r, err := f.modeler.CancelDeviceJob(t.Context(), last)
	f.must(err)
	if string(r.Value.State) != `{"id":"x"}` {
		t.Errorf("withdrawn, it keeps %s", r.Value.State)
	}
	_, err = prepare()
	f.must(err)
}

// TestPrepareRefuses: what cannot be asked, with the member that is to be mended.
func TestPrepareRefuses(t *testing.T) {
	f := open(t, brakettest.Options{})
	for field, n := range map[string]wire.NewQuantumJob{
		"question": {Question: "gross-aep/exceedance/6"},
		"device":   {Question: "gross-aep/exceedance/5", Device: "abacus"},
		"qubits":   {Question: "gross-aep/exceedance/5", Qubits: pointer(40)},
		"powers":   {Question: "gross-aep/exceedance/5", Powers: []int{2, 1}},
		"shots":    {Question: "gross-aep/exceedance/5", Shots: pointer(0)},
		"twins":    {Question: "gross-aep/exceedance/5", Twins: pointer(99)},
	} {
		var invalid *workspace.Invalid
		if _, err := f.desk.Prepare(t.Context(), f.tenant, f.run, n); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := f.desk.Prepare(t.Context(), f.tenant, store.ID{1}, wire.NewQuantumJob{Question: "q"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a run of nobody's: %v", err)
	}
	for name, change := range map[string]wire.QuantumSettingsChange{
		"limit":     {LimitUSD: pointer("-1")},
		"key":       {Relays: []wire.NewQuantumRelay{{Name: "harbour", PublicKey: "ed25519:abc"}}},
		"two words": {Relays: []wire.NewQuantumRelay{{Name: "two words", PublicKey: "ed25519:" + strings.Repeat("A", 43) + "="}}},
	} {
		_, err := f.desk.Settings(change)
		var invalid *workspace.Invalid
		if !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
