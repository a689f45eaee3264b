package workspace_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// clock is a store's clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bench is a real store with one tenant, verified when the test ends.
type bench struct {
	testing.TB
	db     *store.DB
	dir    string
	tenant store.ID
	clock  *clock
	admin  *store.Tenant // who reads the logs
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{TB: t, dir: filepath.Join(t.TempDir(), "store"), clock: &clock{now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}}
	storetest.Create(t, b.dir, b.options())
	b.db = storetest.Open(t, b.dir, b.options())
	b.tenant = storetest.AddTenant(t, b.db, "Example Mutual")
	b.admin = b.handle(storetest.User(b.tenant, store.Admin))
	return b
}

func (b *bench) options() store.Options { return store.Options{Now: b.clock.Now} }

func (b *bench) handle(p store.Principal) *store.Tenant {
	b.Helper()
	h, err := b.db.Tenant(b.Context(), p, b.tenant)
	if err != nil {
		b.Fatal(err)
	}
	return h
}

// as is the workspace of a new user in the role.
func (b *bench) as(r store.Role) *workspace.Workspace {
	b.Helper()
	return workspace.Open(b.handle(storetest.User(b.tenant, r)))
}

// must stops the test at an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func bytesFile(role, name, content string) workspace.NewFile {
	return workspace.NewFile{Role: role, Name: name, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

var (
	exposureDigest = sha256.Sum256([]byte("exposure"))
	modelDigest    = sha256.Sum256([]byte("model"))
)

func portfolio(name string) workspace.NewPortfolio {
	return workspace.NewPortfolio{
		Name: name, Digest: exposureDigest, Locations: 2, Accounts: 1, TIV: 7e5, Currency: "USD",
		Files: []workspace.NewFile{bytesFile("location", "location.csv", "LocNumber\n1\n2\n"), bytesFile("account", "account.csv", "AccNumber\n1\n")},
	}
}

func spec() engine.Spec {
	return engine.Spec{Years: 100, Samples: 1, Seed: 1<<63 + 1, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{10, 50}}
}

func resultFiles() []workspace.NewFile {
	elt := bytesFile("table", "elt.csv", "EventId,Loss\n1,2\n")
	elt.Digest = sha256.Sum256([]byte("columns of elt"))
	return []workspace.NewFile{elt, bytesFile("manifest", "manifest.json", "{}\n"), bytesFile("estimate", "estimate.json", "{}\n")}
}

const worker, lease = "worker 1", time.Minute

// imported, queued, running and done bring a new run as far as that.
func (b *bench) imported(w *workspace.Workspace) store.ID {
	b.Helper()
	return must(w.Import(b.Context(), portfolio("Coastal book")))(b)
}

func (b *bench) queued(w *workspace.Workspace) store.ID {
	b.Helper()
	p := b.imported(w)
	must(w.RegisterModel(b.Context(), modelDigest, "0.1.0"))(b)
	return must(w.Submit(b.Context(), workspace.NewRun{Portfolio: p, Model: modelDigest, Spec: spec()}))(b)
}

func (b *bench) running(w *workspace.Workspace) store.ID {
	b.Helper()
	id := b.queued(w)
	must(w.Claim(b.Context(), id, worker, lease))(b)
	return id
}

func (b *bench) done(w *workspace.Workspace) store.ID {
	b.Helper()
	id := b.running(w)
	must(w.Finish(b.Context(), id, worker, resultFiles()))(b)
	return id
}

func (b *bench) submitted(w *workspace.Workspace) store.ID {
	b.Helper()
	return must(w.SubmitEstimate(b.Context(), estimate(b.done(w))))(b)
}

// refused, hooked and posted bring a refused import, a webhook and a delivery about.
func (b *bench) refused(w *workspace.Workspace) store.ID {
	b.Helper()
	return must(w.KeepRefused(b.Context(), refused("Inland book")))(b)
}

func (b *bench) hooked(w *workspace.Workspace) store.ID {
	b.Helper()
	h, _, err := w.AddWebhook(b.Context(), hears(workspace.RunDone))
	return must(h.ID, err)(b)
}

func (b *bench) posted(w *workspace.Workspace) store.ID {
	b.Helper()
	return must(w.TryWebhook(b.Context(), b.hooked(w)))(b)
}

func refused(name string) workspace.NewRefusedImport {
	return workspace.NewRefusedImport{Name: name, Faults: 2, Files: []workspace.NewFile{bytesFile("report", "report.json", "[]"), bytesFile("bad-location", "bad-location.csv", "LocNumber\n")}}
}

func estimate(run store.ID) workspace.NewEstimate {
	return workspace.NewEstimate{Run: run, Question: "gross_oep_100", Device: "arn:example:device", Shots: 1000, Files: []workspace.NewFile{bytesFile("circuits", "circuits.json", "[]")}}
}

// entries are the audit entries of a user of the workspace, without those of reading the logs.
func (b *bench) entries() []store.Entry {
	b.Helper()
	var all []store.Entry
	for _, r := range must(b.admin.Audit(b.Context(), store.Query{Limit: 10000}))(b) {
		if r.Action != "audit.read" && r.Action != "ledger.read" && r.Action != "key.unwrap" {
			all = append(all, r.Entry)
		}
	}
	return all
}

func (b *bench) leaves() (kinds []ledger.Kind) {
	b.Helper()
	for _, l := range must(b.admin.Ledger(b.Context(), -1, 1000))(b) {
		kinds = append(kinds, l.Lineage.Kind)
	}
	return kinds
}

func readAll(t testing.TB, r *store.BlobReader, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// verb is one call of the workspace with what it must leave behind.
type verb struct {
	name   string
	set    func(*bench, *workspace.Workspace) store.ID // what must be there before; made by an admin
	call   func(*testing.T, *workspace.Workspace, store.ID) error
	action string
	leaves []ledger.Kind
	roles  string // initials of those who may, in the order of the table: A M a P v
}

func verbs() []verb {
	ignore := func(_ any, err error) error { return err }
	shut := func(r *store.BlobReader, err error) error {
		if err == nil {
			return r.Close()
		}
		return err
	}
	edited := portfolio("Coastal book, corrected")
	return []verb{
		{"Import", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.Import(t.Context(), portfolio("P")))
		},
			"portfolio.import", []ledger.Kind{ledger.ExposureImported}, "AM"},
		{"ImportVersion", (*bench).imported, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.ImportVersion(t.Context(), id, 1, edited))
		},
			"portfolio.import", []ledger.Kind{ledger.ExposureImported}, "AM"},
		{"PortfolioVersion", (*bench).imported, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.PortfolioVersion(t.Context(), id, 1))
		},
			"portfolio.read", nil, "AMaPv"},
		{"PortfolioVersions", (*bench).imported, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.PortfolioVersions(t.Context(), id, 0, 10))
		},
			"portfolio.read", nil, "AMaPv"},
		{"DeletePortfolio", (*bench).imported, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return w.DeletePortfolio(t.Context(), id, 1)
		},
			"portfolio.delete", nil, "AM"},
		{"Portfolio", (*bench).imported, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.PortfolioVersion(t.Context(), id, 0))
		},
			"portfolio.read", nil, "AMaPv"},
		{"Portfolios", (*bench).imported, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.Portfolios(t.Context(), "", 10))
		},
			"portfolio.read", nil, "AMaPv"},
		{"OpenFile", (*bench).imported, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return shut(w.OpenFile(t.Context(), id, 0, "account"))
		},
			"portfolio.read", nil, "AMaPv"},
		{"RegisterModel", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.RegisterModel(t.Context(), sha256.Sum256([]byte(rand.Text())), "0.1.0")) // another one each time
		}, "model.register", []ledger.Kind{ledger.ModelRegistered}, "AM"},
		{"RegisterModel again", (*bench).queued, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.RegisterModel(t.Context(), modelDigest, "0.1.0"))
		}, "model.register", nil, "AM"},
		{"Model", (*bench).queued, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.Model(t.Context(), modelDigest))
		},
			"model.read", nil, "AMaPv"},
		{"Models", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.Models(t.Context(), "", 10))
		},
			"model.read", nil, "AMaPv"},
		{"Submit", func(b *bench, w *workspace.Workspace) store.ID {
			must(w.RegisterModel(b.Context(), modelDigest, "0.1.0"))(b)
			return b.imported(w)
		}, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.Submit(t.Context(), workspace.NewRun{Portfolio: id, Model: modelDigest, Spec: spec()}))
		}, "run.submit", []ledger.Kind{ledger.SpecAdded}, "AMa"},
		{"ChangeSpec", (*bench).queued, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			s := spec()
			s.Years = 200
			return w.ChangeSpec(t.Context(), id, 1, s)
		}, "run.submit", []ledger.Kind{ledger.ParameterChanged}, "AMa"},
		{"Claim", (*bench).queued, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.Claim(t.Context(), id, worker, lease))
		},
			"run.claim", []ledger.Kind{ledger.RunStarted}, "AMa"},
		{"Renew", (*bench).running, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return w.Renew(t.Context(), id, worker, lease)
		},
			"run.claim", nil, "AMa"},
		{"Finish", (*bench).running, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.Finish(t.Context(), id, worker, resultFiles()))
		}, "run.finish", []ledger.Kind{ledger.OutputRecorded, ledger.EstimateRecorded}, "AMa"},
		{"Fail", (*bench).running, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return w.Fail(t.Context(), id, worker, "why")
		},
			"run.fail", nil, "AMa"},
		{"Cancel", (*bench).running, func(t *testing.T, w *workspace.Workspace, id store.ID) error { return w.Cancel(t.Context(), id, "why") },
			"run.cancel", nil, "AMa"},
		{"Run", (*bench).queued, func(t *testing.T, w *workspace.Workspace, id store.ID) error { return ignore(w.Run(t.Context(), id)) },
			"run.read", nil, "AMaPv"},
		{"Runs", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.Runs(t.Context(), "", 10))
		},
			"run.read", nil, "AMaPv"},
		{"Waiting", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.Waiting(t.Context(), time.Now(), "", 10))
		}, "run.read", nil, "AMaPv"},
		{"Result", (*bench).done, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.Result(t.Context(), id))
		},
			"run.read", nil, "AMaPv"},
		{"OpenResult", (*bench).done, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return shut(w.OpenResult(t.Context(), id, "elt.csv"))
		},
			"run.read", nil, "AMaPv"},
		{"Export", (*bench).done, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return shut(w.Export(t.Context(), id, "elt.csv"))
		},
			"run.export", nil, "AMaP"},
		{"SubmitEstimate", (*bench).done, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.SubmitEstimate(t.Context(), estimate(id)))
		}, "estimate.submit", []ledger.Kind{ledger.HardwareJob}, "AM"},
		{"AnswerEstimate", (*bench).submitted, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return w.AnswerEstimate(t.Context(), id, []string{"task"}, []workspace.NewFile{bytesFile("report", "report.json", "{}")})
		}, "estimate.submit", []ledger.Kind{ledger.EstimateRecorded}, "AM"},
		{"FailEstimate", (*bench).submitted, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return w.FailEstimate(t.Context(), id, "why")
		},
			"estimate.submit", nil, "AM"},
		{"Estimate", (*bench).submitted, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.Estimate(t.Context(), id))
		},
			"estimate.read", nil, "AMaPv"},
		{"Estimates", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.Estimates(t.Context(), "", 10))
		},
			"estimate.read", nil, "AMaPv"},
		{"OpenEstimate", (*bench).submitted, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return shut(w.OpenEstimate(t.Context(), id, "circuits.json"))
		}, "estimate.read", nil, "AMaPv"},
		{"Journal", (*bench).submitted, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.Journal(t.Context(), id))
		},
			"estimate.read", nil, "AMaPv"},
		{"Egress", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.Egress(t.Context(), nil))
		},
			"estimate.read", nil, "AMaPv"},
		{"RequestApproval", (*bench).done, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.RequestApproval(t.Context(), workspace.OfRun, id, "please"))
		}, "approval.request", nil, "AMa"},
		{"Decide", func(b *bench, w *workspace.Workspace) store.ID {
			return must(w.RequestApproval(b.Context(), workspace.OfRun, b.done(w), ""))(b)
		}, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return w.Decide(t.Context(), id, true, "well done")
		},
			"approval.decide", []ledger.Kind{ledger.ApprovalDecided}, "AP"},
		{"Approvals", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.Approvals(t.Context(), "", 10))
		},
			"approval.read", nil, "AMaPv"},
		{"ApprovalOf", func(b *bench, w *workspace.Workspace) store.ID {
			id := b.imported(w)
			must(w.RequestApproval(b.Context(), workspace.OfPortfolio, id, ""))(b)
			return id
		}, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			_, _, err := w.ApprovalOf(t.Context(), id)
			return err
		}, "approval.read", nil, "AMaPv"},
		{"Approval", func(b *bench, w *workspace.Workspace) store.ID {
			return must(w.RequestApproval(b.Context(), workspace.OfPortfolio, b.imported(w), ""))(b)
		}, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.Approval(t.Context(), id))
		},
			"approval.read", nil, "AMaPv"},
		{"Describe", (*bench).queued, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.Describe(t.Context(), id, 1, labelled("Baseline", "for the renewal")))
		}, "run.submit", nil, "AMa"},
		{"KeepRefused", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.KeepRefused(t.Context(), refused("P")))
		}, "portfolio.import", nil, "AM"},
		{"RefusedImport", (*bench).refused, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.RefusedImport(t.Context(), id))
		}, "portfolio.read", nil, "AMaPv"},
		{"RefusedImports", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.RefusedImports(t.Context(), "", 10))
		}, "portfolio.read", nil, "AMaPv"},
		{"OpenRefused", (*bench).refused, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return shut(w.OpenRefused(t.Context(), id, "report"))
		}, "portfolio.read", nil, "AMaPv"},
		{"Quotas", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			_, _, err := w.Quotas(t.Context())
			return err
		}, "quota.read", nil, "AMaPv"},
		{"AddWebhook", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			_, _, err := w.AddWebhook(t.Context(), hears(workspace.RunDone))
			return err
		}, "webhook.add", nil, "A"},
		{"ChangeWebhook", (*bench).hooked, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.ChangeWebhook(t.Context(), id, 1, hears(workspace.RunFailed)))
		}, "webhook.change", nil, "A"},
		{"RotateWebhook", (*bench).hooked, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			_, _, err := w.RotateWebhook(t.Context(), id, time.Hour)
			return err
		}, "webhook.rotate", nil, "A"},
		{"DeleteWebhook", (*bench).hooked, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return w.DeleteWebhook(t.Context(), id, 1)
		}, "webhook.change", nil, "A"},
		{"TryWebhook", (*bench).hooked, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.TryWebhook(t.Context(), id))
		}, "webhook.send", nil, "A"},
		{"Redeliver", (*bench).posted, func(t *testing.T, w *workspace.Workspace, id store.ID) error { return w.Redeliver(t.Context(), id) },
			"webhook.send", nil, "A"},
		{"Delivery", (*bench).posted, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.Delivery(t.Context(), id))
		}, "webhook.read", nil, "A"},
		{"PendingDeliveries", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.PendingDeliveries(t.Context(), "", 10))
		}, "webhook.read", nil, "A"},
		{"PastDeliveries", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error {
			return ignore(w.PastDeliveries(t.Context(), "", 10))
		}, "webhook.read", nil, "A"},
		{"Webhook", (*bench).hooked, func(t *testing.T, w *workspace.Workspace, id store.ID) error {
			return ignore(w.Webhook(t.Context(), id))
		}, "webhook.read", nil, "A"},
		{"Webhooks", nil, func(t *testing.T, w *workspace.Workspace, _ store.ID) error { return ignore(w.Webhooks(t.Context())) },
			"webhook.read", nil, "A"},
	}
}

var roleInitials = map[store.Role]string{store.Admin: "A", store.Modeler: "M", store.Analyst: "a", store.Approver: "P", store.Viewer: "v"}

// TestVerbs calls every verb in every role. Whoever may leaves one audit entry and the verb's leaves; whoever may not leaves
// one entry, and nothing else: no leaf, no blob.
func TestVerbs(t *testing.T) {
	for _, v := range verbs() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			admin := b.as(store.Admin)
			for _, role := range []store.Role{store.Viewer, store.Approver, store.Analyst, store.Modeler, store.Admin} {
				var id store.ID
				if v.set != nil {
					id = v.set(b, admin)
				}
				entries, leaves, blobs := len(b.entries()), len(b.leaves()), b.blobs()
				err := v.call(t, b.as(role), id)
				may := strings.Contains(v.roles, roleInitials[role])
				var denied *store.DeniedError
				if may && err != nil || !may && !errors.As(err, &denied) {
					t.Errorf("%s: %v; may: %v", role, err, may)
				}
				after := b.entries()
				if len(after) != entries+1 {
					t.Fatalf("%s: %d entries were added, want 1", role, len(after)-entries)
				}
				e := after[entries]
				if want := map[bool]store.Outcome{true: store.Done, false: store.Denied}[may]; e.Action != v.action || e.Outcome != want || e.Role != role {
					t.Errorf("%s: entry of %s by %s, %s; want %s, %s", role, e.Action, e.Role, e.Outcome, v.action, want)
				}
				if e.Object == "" && v.set != nil && !id.IsZero() && e.Changes != nil {
					t.Errorf("%s: a change of nothing that has a name", role)
				}
				want := v.leaves
				if !may {
					want = nil
				}
				got := b.leaves()[leaves:]
				if !slices.Equal(got, want) || len(e.Lineage) != len(want) {
					t.Errorf("%s: leaves %v, %d in the entry, want %v", role, got, len(e.Lineage), want)
				}
				if !may && b.blobs() != blobs {
					t.Errorf("%s: a refused verb wrote a blob", role)
				}
			}
		})
	}
}

// blobs counts the files of the tenant's blobs.
func (b *bench) blobs() int {
	b.Helper()
	return len(must(filepath.Glob(filepath.Join(b.dir, "blobs", b.tenant.String(), "*")))(b)) + len(must(filepath.Glob(filepath.Join(b.dir, "blobs", b.tenant.String(), "*", "*")))(b))
}

// TestWhatIsKept follows one run from import to approval and reads back what was put in.
func TestWhatIsKept(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	run := b.done(w)
	r := must(w.Run(t.Context(), run))(t)
	if v := r.Value; v.State != workspace.Done || v.Seal != workspace.SealPending || v.Claims != 1 || v.Ended == nil || v.Lease != nil || v.Exposure != exposureDigest || v.Spec.Seed != spec().Seed {
		t.Errorf("run %+v", v)
	}
	p := must(w.PortfolioVersion(t.Context(), r.Value.Portfolio, 0))(t)
	if v := p.Value; v.Name != "Coastal book" || v.TIV != 7e5 || len(v.Files) != 2 || v.Files[0].Digest != sha256.Sum256([]byte("LocNumber\n1\n2\n")) {
		t.Errorf("portfolio %+v", v)
	}
	from, err := w.OpenFile(t.Context(), p.ID, 0, "location")
	if got := readAll(t, from, err); got != "LocNumber\n1\n2\n" {
		t.Errorf("location file %q", got)
	}
	from, err = w.Export(t.Context(), run, "elt.csv")
	if got := readAll(t, from, err); got != "EventId,Loss\n1,2\n" {
		t.Errorf("table %q", got)
	}
	result := must(w.Result(t.Context(), run))(t)
	if len(result.Files) != 3 || result.Files[0].Digest != sha256.Sum256([]byte("columns of elt")) {
		t.Errorf("result %+v", result)
	}
	want := []ledger.Kind{ledger.ExposureImported, ledger.ModelRegistered, ledger.SpecAdded, ledger.RunStarted, ledger.OutputRecorded, ledger.EstimateRecorded}
	if got := b.leaves(); !slices.Equal(got, want) {
		t.Errorf("leaves %v", got)
	}
	output := must(b.admin.Ledger(t.Context(), 3, 10))(t)[0].Lineage
	if output.Kind != ledger.OutputRecorded || output.Digests["table/elt.csv"] != result.Files[0].Digest || output.Subject != ledger.ID(run) {
		t.Errorf("leaf of the output %+v", output)
	}
	for _, missing := range []func() (*store.BlobReader, error){
		func() (*store.BlobReader, error) { return w.OpenFile(t.Context(), p.ID, 0, "treaty") },
		func() (*store.BlobReader, error) { return w.OpenResult(t.Context(), run, "other.csv") },
		func() (*store.BlobReader, error) { return w.OpenResult(t.Context(), p.ID, "elt.csv") },
	} {
		if _, err := missing(); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a file that is not there: %v", err)
		}
	}
	if err := w.DeletePortfolio(t.Context(), p.ID, 1); !isInvalid(err, "portfolio") {
		t.Errorf("delete under a run: %v", err)
	}
}

func isInvalid(err error, field string) bool {
	var i *workspace.Invalid
	return errors.As(err, &i) && i.Field == field
}

// TestRefusals: what is wrong is named, leaves one failed entry, and no blob.
func TestRefusals(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Admin)
	run := b.done(w)
	unreadable := portfolio("P")
	unreadable.Files[1].Open = func() (io.ReadCloser, error) { return nil, errors.New("disk gone") }
	broken := portfolio("P")
	broken.Files[1].Open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("AccNumber\n"), iotest.ErrReader(errors.New("read error")))), nil
	}
	twice := portfolio("P")
	twice.Files[1].Role = "location"
	without := portfolio("P")
	without.Files = without.Files[1:]
	shots := estimate(run)
	shots.Shots = 0
	portfolioID := must(w.Run(t.Context(), run))(t).Value.Portfolio
	submit := func(n workspace.NewRun) error { _, err := w.Submit(t.Context(), n); return err }
	imports := func(n workspace.NewPortfolio) error { _, err := w.Import(t.Context(), n); return err }
	finish := func(files ...workspace.NewFile) error {
		_, err := w.Finish(t.Context(), run, worker, files)
		return err
	}
	request := func(kind string, id store.ID, comment string) error {
		_, err := w.RequestApproval(t.Context(), kind, id, comment)
		return err
	}
	for name, c := range map[string]struct {
		call func() error
		want string
	}{
		"no name":          {func() error { return imports(portfolio(" \t")) }, "name: 0 characters are not between 1 and 200"},
		"long name":        {func() error { return imports(portfolio(strings.Repeat("ü", 201))) }, "name: 201 characters"},
		"not UTF-8":        {func() error { return imports(portfolio("a\xff")) }, "is not UTF-8"},
		"control":          {func() error { return imports(portfolio("a\x1bb")) }, "cannot be printed"},
		"no location file": {func() error { return imports(without) }, "files: a portfolio has at least its location file"},
		"twice":            {func() error { return imports(twice) }, `files: "location" is there twice`},
		"unreadable":       {func() error { return imports(unreadable) }, "account.csv: disk gone"},
		"broken":           {func() error { return imports(broken) }, "account.csv: write a blob: read error"},
		"spec":             {func() error { return submit(workspace.NewRun{Portfolio: portfolioID, Model: modelDigest}) }, "spec: years 0"},
		"model":            {func() error { return submit(workspace.NewRun{Portfolio: portfolioID, Spec: spec()}) }, "model: 0000"},
		"portfolio":        {func() error { return submit(workspace.NewRun{Portfolio: run, Model: modelDigest, Spec: spec()}) }, "not found"},
		"worker":           {func() error { _, err := w.Claim(t.Context(), run, "", lease); return err }, "worker: 0 characters"},
		"lease":            {func() error { return w.Renew(t.Context(), run, worker, 0) }, "lease: 0s is not between"},
		"nothing":          {func() error { return finish() }, "files: a run that is done has a result"},
		"file name":        {func() error { return finish(bytesFile("table", "a b", "")) }, "file name: \"a b\""},
		"role":             {func() error { return finish(bytesFile("Ta ble", "a", "")) }, "file role"},
		"estimate":         {func() error { _, err := w.SubmitEstimate(t.Context(), shots); return err }, "shots: 0"},
		"kind":             {func() error { return request("model", run, "") }, `kind: "model" is neither run nor portfolio`},
		"comment":          {func() error { return request(workspace.OfRun, run, strings.Repeat("a", 2001)) }, "comment: 2001 characters"},
		"no such run":      {func() error { return request(workspace.OfRun, portfolioID, "") }, "not found"},
		"no such estimate": {func() error { return w.FailEstimate(t.Context(), run, "") }, "not found"},
	} {
		before, blobs := len(b.entries()), b.blobs()
		err := c.call()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		after := b.entries()
		if len(after) != before+1 || after[before].Outcome != store.Failed || after[before].Changes != nil {
			t.Errorf("%s: %d entries more, the last %+v", name, len(after)-before, after[len(after)-1])
		}
		if name != "unreadable" && name != "broken" && b.blobs() != blobs {
			t.Errorf("%s: a blob was written", name)
		}
	}
}

// TestTwoTenants: nobody reaches another tenant's records by their ids.
func TestTwoTenants(t *testing.T) {
	b := newBench(t)
	run := b.done(b.as(store.Admin))
	b.tenant = storetest.AddTenant(t, b.db, "Storm Re")
	other := b.as(store.Admin)
	if _, err := other.Run(t.Context(), run); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if _, err := other.OpenResult(t.Context(), run, "elt.csv"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if err := other.Cancel(t.Context(), run, ""); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

// TestNothingReadable plants texts in every field that a user fills, and looks for them in the directory while it is open.
func TestNothingReadable(t *testing.T) {
	b := newBench(t)
	w, decider := b.as(store.Admin), b.as(store.Admin)
	var planted []string
	canary := func(kind string) string {
		planted = append(planted, "canary-"+kind+"-5c2e")
		return planted[len(planted)-1]
	}
	n := portfolio(canary("portfolio-name"))
	n.Currency = canary("currency")
	n.Summary = &workspace.Summary{Counties: []workspace.Share{{Key: canary("county"), Locations: 2, TIV: 7e5}}}
	n.Files = []workspace.NewFile{bytesFile("location", canary("file-name"), strings.Repeat(canary("location-file"), 9)), bytesFile(canary("role"), "a", canary("account-file"))}
	p := must(w.Import(t.Context(), n))(t)
	must(w.RegisterModel(t.Context(), modelDigest, canary("engine-version")))(t)
	hook, secret, err := w.AddWebhook(t.Context(), workspace.NewWebhook{Name: canary("hook"), URL: "https://" + canary("host") + ".example.com", Events: workspace.EventKinds()})
	if err != nil {
		t.Fatal(err)
	}
	_, next, err := w.RotateWebhook(t.Context(), hook.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{secret.Reveal(), next.Reveal()} {
		planted = append(planted, s, strings.TrimPrefix(s, "whsec_"))
	}
	turnedDown := refused(canary("refused-name"))
	turnedDown.Files[0] = bytesFile("report", canary("report-file"), canary("fault"))
	must(w.KeepRefused(t.Context(), turnedDown))(t)
	s := spec()
	s.Without = []string{canary("spec")}
	run := must(w.Submit(t.Context(), workspace.NewRun{Portfolio: p, Model: modelDigest, Spec: s, Name: canary("run-name"), Note: canary("note")}))(t)
	j := must(b.appliance(canary("appliance")).Claim(t.Context(), b.tenant, run, lease))(t)
	blocks := must(j.OpenBlocks(t.Context(), workspace.Computation{Model: modelDigest, Exposure: exposureDigest, Spec: s}))(t)
	must(0, blocks.Keep(t.Context(), 1, strings.NewReader(canary("block"))))(t)
	must(0, j.Release(t.Context()))(t)
	must(w.Claim(t.Context(), run, canary("worker"), lease))(t)
	claimant := planted[len(planted)-1]
	for _, d := range must(b.courier().Take(t.Context(), 100))(t) {
		must(0, b.courier().Mark(t.Context(), []workspace.Outcome{{Tenant: d.Tenant, ID: d.ID, Failure: canary("answer")}}))(t)
	}
	must(w.Finish(t.Context(), run, claimant, []workspace.NewFile{bytesFile("table", canary("table-name"), canary("table"))}))(t)
	failed := b.running(w)
	if err := w.Fail(t.Context(), failed, worker, canary("failure")); err != nil {
		t.Fatal(err)
	}
	request := must(w.RequestApproval(t.Context(), workspace.OfRun, run, canary("comment")))(t)
	if err := decider.Decide(t.Context(), request, false, canary("reason")); err != nil {
		t.Fatal(err)
	}
	e := estimate(run)
	e.Device, e.Question, e.Files[0].Name = canary("device"), canary("question"), canary("circuits")
	job := must(w.SubmitEstimate(t.Context(), e))(t)
	must(must(w.Journal(t.Context(), job))(t).Begin(t.Context(), record(canary("purpose"), canary("request"))))(t)
	if err := w.AnswerEstimate(t.Context(), job, []string{canary("task")}, []workspace.NewFile{bytesFile("report", canary("report-name"), canary("report"))}); err != nil {
		t.Fatal(err)
	}
	if len(planted) < 20 {
		t.Fatal(len(planted))
	}
	files := 0
	walk(t, b.dir, func(path string, content []byte) {
		files++
		for _, text := range planted {
			if bytes.Contains(content, []byte(text)) || strings.Contains(path, text) {
				t.Errorf("%s holds %s", path, text)
			}
		}
	})
	if files < 8 {
		t.Errorf("only %d files were looked through", files)
	}
}
