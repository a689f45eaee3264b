package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// paperDesk is a desk without devices: it computes nothing and reaches nothing, and does with the store what the appliance's own does. The journey through the
// real one, with a service, is in the daemon's tests.
type paperDesk struct {
	db *store.DB

	mu      sync.Mutex
	cut     error // why no device can be reached
	refuses error // what the next step ends with
	steps   []string
}

func (d *paperDesk) step(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.steps = append(d.steps, name)
	err := d.refuses
	d.refuses = nil
	return err
}

func (d *paperDesk) taken() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := strings.Join(d.steps, " ")
	d.steps = nil
	return all
}

func (d *paperDesk) Reachable() error { return d.cut }

func (d *paperDesk) Questions([]byte) (wire.QuantumQuestions, error) {
	return wire.QuantumQuestions{Leaves: "circuits", Devices: []wire.QuantumDevice{}, Items: []wire.QuantumQuestion{{Name: "q", Text: "a question", Exact: 0.5}}}, nil
}

func (d *paperDesk) Prepare(_ context.Context, _, run store.ID, n wire.NewQuantumJob) (workspace.NewDeviceJob, error) {
	if n.Question != "q" {
		return workspace.NewDeviceJob{}, &workspace.Invalid{Field: "question", Reason: "the run has none of that name"}
	}
	return workspace.NewDeviceJob{Run: run, Question: n.Question, Device: "paper", Shots: 500, Circuits: ledger.Digest{1}, State: json.RawMessage("{}"), Secret: []byte{1}}, nil
}

func (d *paperDesk) View(r store.Record[workspace.DeviceJob]) (wire.QuantumJob, error) {
	j := r.Value
	out := wire.QuantumJob{
		ID: r.ID.String(), Run: j.Run.String(), Question: j.Question, Text: "a question", Device: j.Device, Stage: string(j.Stage), Prepared: j.Prepared, By: j.By.String(),
		Qubits: 1, Shots: j.Shots, QuotedUSD: "0.00", PendingUSD: "0.00", Circuits: []wire.QuantumTask{},
	}
	if j.Estimate != nil {
		out.Estimate = j.Estimate.String()
	}
	if j.Confirmed != nil {
		out.Confirmed = &wire.QuantumConfirmation{Digest: j.Confirmed.Digest, TotalUSD: "1.00", By: j.Confirmed.By.String(), At: j.Confirmed.At}
	}
	return out, nil
}

func (d *paperDesk) Preview(r store.Record[workspace.DeviceJob]) (wire.QuantumPreview, error) {
	return wire.QuantumPreview{Job: r.ID.String(), Leaves: "circuits", Circuits: []wire.QuantumCircuit{}}, nil
}

func (d *paperDesk) desk(ctx context.Context, tenant store.ID) (*workspace.DeviceDesk, error) {
	return workspace.OpenDeviceDesk(ctx, d.db, tenant)
}

func (d *paperDesk) Quote(ctx context.Context, tenant, job store.ID) (wire.QuantumOffer, error) {
	if err := d.step("quote"); err != nil {
		return wire.QuantumOffer{}, err
	}
	desk, err := d.desk(ctx, tenant)
	if err == nil {
		_, err = desk.Change(ctx, job, func(j *workspace.DeviceJob) error {
			j.Quote = &workspace.DeviceQuote{Digest: "abc", Total: 1e6, Tasks: 1, At: time.Unix(0, 0).UTC()}
			return nil
		})
	}
	return wire.QuantumOffer{Job: job.String(), Quote: wire.QuantumQuote{Digest: "abc", TotalUSD: "1.00", Tasks: 1}, Unit: "shot", Requests: []string{"POST"}}, err
}

func (d *paperDesk) Submit(ctx context.Context, tenant, job store.ID) error {
	if err := d.step("submit"); err != nil {
		return err
	}
	desk, err := d.desk(ctx, tenant)
	if err == nil {
		_, err = desk.Change(ctx, job, func(j *workspace.DeviceJob) error { j.Stage = workspace.DeviceSubmitted; return nil })
	}
	return err
}

func (d *paperDesk) Follow(context.Context, store.ID, store.ID) error { return d.step("follow") }
func (d *paperDesk) Cancel(context.Context, store.ID, store.ID) error { return d.step("cancel") }

func (d *paperDesk) Export(_ context.Context, _, _ store.ID, price string) ([]byte, error) {
	return []byte(`{"max_price_usd":"` + price + `"}`), d.step("export")
}

func (d *paperDesk) Check(_ context.Context, _ store.ID, file []byte) (store.ID, error) {
	id, err := store.ParseID(string(file))
	if err != nil {
		return id, &workspace.Invalid{Field: "file", Reason: "its signature does not fit"}
	}
	return id, nil
}

func (d *paperDesk) Import(context.Context, store.ID, []byte) error { return d.step("import") }

func (d *paperDesk) Keys(ctx context.Context, tenant store.ID) error {
	desk, err := d.desk(ctx, tenant)
	if err == nil {
		_, err = desk.Keys(ctx, func() (workspace.DeviceKeys, error) {
			return workspace.DeviceKeys{Host: []byte{1}, Token: []byte{2}, Public: "public"}, nil
		})
	}
	return err
}

func (d *paperDesk) Settings(change wire.QuantumSettingsChange) (s workspace.DeviceSettings, err error) {
	if change.LimitUSD != nil {
		limit := int64(5e8)
		s.Limit = &limit
	}
	return s, nil
}

func (d *paperDesk) ViewSettings(s workspace.DeviceSettings, _ workspace.DeviceSpending) (wire.QuantumSettings, error) {
	out := wire.QuantumSettings{QuotedUSD: "0.00", PendingUSD: "0.00", PublicKey: s.Public, Relays: []wire.QuantumRelay{}}
	if s.Limit != nil {
		out.LimitUSD = number("500.00")
	}
	return out, nil
}

// quantum tries the operations on jobs for quantum devices, on a finished run with an estimate.
func (d *desk) quantum(p *person, run string) {
	d.Helper()
	d.try("listQuantumQuestions", p, nil, run)
	var job, other wire.QuantumJob
	d.try("prepareQuantumJob", p, wire.NewQuantumJob{Run: run, Question: "q"}).into(d.TB, &job)
	d.try("prepareQuantumJob", p, wire.NewQuantumJob{Run: run, Question: "q", Shots: number(5)}).into(d.TB, &other)
	d.try("listQuantumJobs", p, nil, "?run="+run)
	d.try("getQuantumJob", p, nil, job.ID)
	d.try("getQuantumPreview", p, nil, job.ID)
	var offer wire.QuantumOffer
	d.try("quoteQuantumJob", p, nil, job.ID).into(d.TB, &offer)
	d.try("confirmQuantumJob", p, wire.QuantumAgreement{Digest: offer.Quote.Digest}, job.ID)
	d.try("refreshQuantumJob", p, nil, job.ID)
	d.try("cancelQuantumJob", p, nil, job.ID)
	d.try("exportQuantumJob", p, wire.QuantumExport{MaxPriceUSD: "300.00"}, other.ID)
	d.try("importQuantumResult", p, wire.QuantumResult{File: other.ID})
	d.try("cancelQuantumJob", p, nil, other.ID)
	d.try("getQuantumSettings", p, nil)
	d.try("setQuantumSettings", p, wire.QuantumSettingsChange{LimitUSD: number("500.00")})
}

// onPaper gives an appliance a desk without devices.
func onPaper(d *paperDesk) setting {
	return func(o *web.Options, _ *directory.Options) { d.db, o.Devices = o.DB, d }
}

// TestQuantumDecisions: nothing leaves before its place in the ledger, nothing is submitted without a person's agreement to the very quote, and
// each decision is a leaf and one entry.
func TestQuantumDecisions(t *testing.T) {
	d := &paperDesk{}
	a := start(t, unlimited, onPaper(d))
	tenant := a.tenant("Example Mutual")
	b := newBench(a, tenant, "Coast", locations)
	run := b.submit(specs()["mean"])
	b.carryOut(run, wholeFile("quantum.json", "estimate", []byte("{}")))
	modeler := a.join(tenant, "modeler@example.com", store.Modeler)
	job := func(edit ...string) (j wire.QuantumJob) {
		t.Helper()
		modeler.want(201, modeler.call("POST", "/api/v1/quantum-jobs", wire.NewQuantumJob{Run: run.String(), Question: "q"})).into(t, &j)
		return j
	}
	modeler.want(400, modeler.call("POST", "/api/v1/quantum-jobs", wire.NewQuantumJob{Run: run.String(), Question: "another"}))
	first := job()
	for limit, status := range map[string]int{"50": 200, "51": 400, "0": 400} { // each job of a part is read with its circuits
		modeler.want(status, modeler.call("GET", "/api/v1/quantum-jobs?limit="+limit, nil))
	}
	path := "/api/v1/quantum-jobs/" + first.ID
	leaves := a.leaves(tenant)

	modeler.want(409, modeler.call("POST", path+"/confirm", wire.QuantumAgreement{Digest: "abc"})) // there is no quote
	d.cut = errors.New("the appliance is air-gapped")
	for _, step := range []string{"/quote", "/refresh"} {
		if got := modeler.want(409, modeler.call("POST", path+step, nil)); !strings.Contains(string(got.Body), "air-gapped") {
			t.Errorf("%s: %s", step, got.Body)
		}
	}
	if got := a.leaves(tenant); got != leaves || d.taken() != "" {
		t.Errorf("%d leaves of what did not leave", got-leaves)
	}
	modeler.want(200, modeler.call("POST", path+"/export", wire.QuantumExport{MaxPriceUSD: "300.00"})) // a file needs no connection
	if got := a.leaves(tenant); got != leaves+1 || d.taken() != "export" {
		t.Errorf("%d leaves of an export", got-leaves)
	}
	d.cut = nil

	second := job()
	path = "/api/v1/quantum-jobs/" + second.ID
	d.refuses = &web.Unavailable{Reason: "the device is offline"}
	if got := modeler.want(409, modeler.call("POST", path+"/quote", nil)); !strings.Contains(string(got.Body), "offline") {
		t.Errorf("%s", got.Body)
	}
	modeler.want(200, modeler.call("POST", path+"/quote", nil))
	if got := modeler.want(409, modeler.call("POST", path+"/confirm", wire.QuantumAgreement{Digest: "abd"})); !strings.Contains(string(got.Body), "not that of the last quote") {
		t.Errorf("%s", got.Body)
	}
	if d.taken() != "quote quote" {
		t.Error("something was submitted that nobody agreed to")
	}
	leaves = a.leaves(tenant)
	var agreed wire.QuantumJob
	modeler.want(200, modeler.call("POST", path+"/confirm", wire.QuantumAgreement{Digest: "abc"})).into(t, &agreed)
	if agreed.Stage != "submitted" || agreed.Confirmed == nil || agreed.Confirmed.By != modeler.id.String() || a.leaves(tenant) != leaves+1 || d.taken() != "submit" {
		t.Errorf("%+v, %d leaves", agreed, a.leaves(tenant)-leaves)
	}
	modeler.want(200, modeler.call("POST", path+"/cancel", nil))
	modeler.want(409, modeler.call("POST", path+"/confirm", wire.QuantumAgreement{Digest: "abc"}))
	third := job()
	var withdrawn wire.QuantumJob
	modeler.want(200, modeler.call("POST", "/api/v1/quantum-jobs/"+third.ID+"/cancel", nil)).into(t, &withdrawn)
	if withdrawn.Stage != "withdrawn" {
		t.Errorf("%+v", withdrawn)
	}
	for _, step := range []string{"/quote", "/cancel"} {
		modeler.want(409, modeler.call("POST", "/api/v1/quantum-jobs/"+third.ID+step, nil))
	}
	a.clock.pass(11 * time.Minute)
	modeler.want(403, modeler.call("POST", path+"/confirm", wire.QuantumAgreement{Digest: "abc"})) // no fresh proof
}

// TestQuantumSettings: an administrator sets what may be spent, against the version that was read.
func TestQuantumSettings(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	admin, modeler := a.join(tenant, "admin@example.com", store.Admin), a.join(tenant, "modeler@example.com", store.Modeler)
	var s wire.QuantumSettings
	read := modeler.want(200, modeler.call("GET", "/api/v1/quantum-settings", nil))
	read.into(t, &s)
	if s.LimitUSD != nil || s.PublicKey != "public" {
		t.Errorf("at first %+v", s)
	}
	change := wire.QuantumSettingsChange{LimitUSD: number("500.00")}
	modeler.want(403, modeler.call("PUT", "/api/v1/quantum-settings", change))
	admin.want(200, admin.call("PUT", "/api/v1/quantum-settings", change, header("If-Match", read.Header.Get("ETag")))).into(t, &s)
	if s.LimitUSD == nil || s.PublicKey != "public" {
		t.Errorf("then %+v", s)
	}
	admin.want(412, admin.call("PUT", "/api/v1/quantum-settings", change, header("If-Match", read.Header.Get("ETag"))))
}
