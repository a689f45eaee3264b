package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/client"
	"github.com/qrsrisk/qrsd/web/wire"
)

// sent is a text as a file to be sent; it counts how often it was opened and closed.
type sent struct{ opened, closed int }

func (s *sent) file(name, text string) *client.File {
	return &client.File{Name: name, Size: int64(len(text)), Open: func() (io.ReadCloser, error) {
		s.opened++
		return closing{strings.NewReader(text), s}, nil
	}}
}

type closing struct {
	io.Reader
	of *sent
}

func (c closing) Close() error { c.of.closed++; return nil }

// collected is a list as a slice.
func collected[T any](t testing.TB, list func(func(T, error) bool)) (all []T) {
	t.Helper()
	for one, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// TestClientPortfolios: exposure goes up as a stream that tells how far it is; its faults come back typed; what was imported is read, replaced against
// an ETag and deleted.
func TestClientPortfolios(t *testing.T) {
	a, _, modeler := office(t)
	ctx, c := t.Context(), modeler.signedIn()
	location, account, faulty := sample(t, "location.csv"), sample(t, "account.csv"), sample(t, "faulty-location.csv")
	var s sent
	_, err := c.ImportPortfolio(ctx, client.Exposure{Location: s.file("faulty.csv", faulty)}, nil)
	refused := a.wantProblem(err, "exposure-faults").Exposure
	if refused == nil || refused.FaultCount == 0 || refused.Faults[0].Reason == "" {
		t.Fatalf("the faults: %+v", refused)
	}
	var rows bytes.Buffer
	a.must(c.RefusedImportFile(ctx, refused.ID, "bad-location", &rows, nil))
	one, err := c.RefusedImport(ctx, refused.ID)
	a.must(err)
	if kept := collected(t, c.RefusedImports(ctx)); len(kept) != 1 || one.Faults != refused.FaultCount || !strings.Contains(rows.String(), refused.Faults[0].Reason) {
		t.Errorf("kept %+v, %+v, %s", kept, one, rows.String())
	}
	check, err := c.ValidatePortfolio(ctx, client.Exposure{Location: s.file("faulty.csv", faulty)}, nil)
	a.must(err)
	if check.Valid || len(check.Report.Faults) == 0 {
		t.Errorf("the check: %+v", check)
	}

	var last, all int64
	made, err := c.ImportPortfolio(ctx, client.Exposure{Name: "Coast", Location: s.file("location.csv", location), Account: s.file("account.csv", account)},
		func(done, of int64) {
			if done < last || done > of {
				t.Errorf("%d of %d bytes after %d", done, of, last)
			}
			last, all = done, of
		})
	a.must(err)
	if last != all || last < int64(len(location)+len(account)) {
		t.Errorf("told of %d of %d bytes", last, all)
	}
	example, err := c.ImportExample(ctx)
	a.must(err)
	if example.Name != "Example, synthetic" || example.Version != 1 {
		t.Errorf("the example is %+v", example)
	}
	a.must(c.DeletePortfolio(ctx, example.ID, ""))
	if s.opened != 4 || s.closed != 4 {
		t.Errorf("%d files opened, %d closed", s.opened, s.closed)
	}
	p, etag, err := c.Portfolio(ctx, made.ID)
	a.must(err)
	summary, err := c.PortfolioSummary(ctx, made.ID, 0)
	a.must(err)
	sites, err := c.PortfolioSites(ctx, made.ID, 0)
	a.must(err)
	if p.Name != "Coast" || p.Digest != made.Digest || summary.Locations != p.Locations || sites.Locations != p.Locations {
		t.Errorf("%+v, %+v, %d sites", p, summary, len(sites.Sites))
	}
	var back bytes.Buffer
	a.must(c.PortfolioFile(ctx, made.ID, 0, "location", &back, func(done, _ int64) { last = done }))
	if back.String() != location || last != int64(len(location)) {
		t.Errorf("%d bytes came back, %d were told, %d were sent", back.Len(), last, len(location))
	}
	next, err := c.ReplacePortfolio(ctx, made.ID, client.Exposure{Location: s.file("location.csv", location)}, etag, nil)
	a.must(err)
	versions := collected(t, c.PortfolioVersions(ctx, made.ID))
	first, err := c.PortfolioVersion(ctx, made.ID, 1)
	a.must(err)
	if next.Version != 2 || len(versions) != 2 || versions[0].Version != 2 || first.Version != 1 || first.Name != "Coast" {
		t.Errorf("imported as %+v; the versions are %+v, the first is %+v", next, versions, first)
	}
	a.wantProblem(c.DeletePortfolio(ctx, made.ID, etag), "changed-meanwhile")
	a.must(c.DeletePortfolio(ctx, made.ID, ""))
	if left := collected(t, c.Portfolios(ctx)); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
	_, err = c.ImportPortfolio(ctx, client.Exposure{Account: s.file("account.csv", account)}, nil)
	if err == nil || !strings.Contains(err.Error(), "location file") {
		t.Errorf("without locations: %v", err)
	}
	gone := errors.New("the disk is gone")
	_, err = c.ImportPortfolio(ctx, client.Exposure{Location: s.file("location.csv", location),
		Account: &client.File{Name: "account.csv", Size: 5, Open: func() (io.ReadCloser, error) { return nil, gone }}}, nil)
	if !errors.Is(err, gone) || s.opened != s.closed {
		t.Errorf("a file that cannot be opened: %v; %d opened, %d closed", err, s.opened, s.closed)
	}
}

// TestClientRuns: a run is forecast, submitted, carried out, read in every form, and compared; its seal is downloaded and verifies; a second person
// approves it.
func TestClientRuns(t *testing.T) {
	q := &told{}
	a := start(t, unlimited, func(o *web.Options, _ *directory.Options) { o.Queue, o.Forecast, o.Models = q, quickly, theCard{} })
	tenant := a.tenant("Example Mutual")
	admin, approver := a.account(tenant, "admin@example.com", store.Admin), a.account(tenant, "approver@example.com", store.Approver)
	ctx, c := t.Context(), admin.signedIn()
	b := newBench(a, tenant, "Coast", locations)
	asked := wire.NewRun{Portfolio: b.portfolio.String(), Years: number(200), Samples: number(2), ReturnPeriods: []float64{10, 50}}
	_, err := c.ForecastRun(ctx, asked)
	a.must(err)
	made, err := c.SubmitRun(ctx, asked)
	a.must(err)
	settings, err := c.RunSettings(ctx, made.ID)
	a.must(err)
	if len(settings.Settings) == 0 || !slices.Equal(settings.Settings, made.Settings) {
		t.Errorf("settings %+v, submitted with %+v", settings, made)
	}
	id, err := store.ParseID(made.ID)
	a.must(err)
	result := b.carryOut(id)
	sealed := b.sealedRun().String()
	done := collected(t, c.Runs(ctx, client.RunQuery{State: "done", Portfolio: b.portfolio.String()}))
	if len(done) != 2 {
		t.Fatalf("done: %+v", done)
	}
	wantResults(t, c, made.ID, result)
	compared, err := c.CompareRuns(ctx, made.ID, sealed)
	a.must(err)
	var book bytes.Buffer
	a.must(c.ExportComparison(ctx, made.ID, []string{sealed}, &book, nil))
	if !strings.HasPrefix(book.String(), "PK") {
		t.Errorf("the workbook begins with %.20q", book.String())
	}
	if compared.Baseline.Basis.Run != made.ID || len(compared.With) != 1 {
		t.Errorf("compared: %+v", compared)
	}

	var envelope bytes.Buffer
	a.must(c.DownloadSeal(ctx, sealed, &envelope))
	verdict, err := c.VerifySeal(ctx, envelope.Bytes())
	a.must(err)
	s, err := c.Seal(ctx, sealed)
	a.must(err)
	if !verdict.Valid || verdict.Run != sealed || !s.Valid || s.SHA256 != verdict.SHA256 {
		t.Errorf("seal %+v, verdict %+v", s, verdict)
	}
	estimate, err := c.RunEstimate(ctx, sealed)
	a.must(err)
	if !json.Valid(estimate.Report) {
		t.Errorf("estimate %+v", estimate)
	}

	request, err := c.RequestApproval(ctx, wire.NewApproval{Kind: "run", Object: sealed, Note: "for the filing"})
	a.must(err)
	a.wantProblem(c.Approve(ctx, request.ID, "my own"), "denied")
	a.must(approver.signedIn().Approve(ctx, request.ID, "figures and settings agree"))
	last, err := c.RunApproval(ctx, sealed)
	a.must(err)
	if last.Approval.Decision != "approved" || last.Approval.Decider != approver.id.String() || !last.Current {
		t.Errorf("approval %+v", last)
	}
	again, err := c.RequestApproval(ctx, wire.NewApproval{Kind: "portfolio", Object: b.portfolio.String()})
	a.must(err)
	a.must(c.WithdrawApproval(ctx, again.ID, "too early"))
	one, err := c.Approval(ctx, again.ID)
	a.must(err)
	if all := collected(t, c.Approvals(ctx)); len(all) != 2 || one.Decision != "withdrawn" {
		t.Errorf("%+v, all %+v", one, all)
	}
	_, err = c.PortfolioApproval(ctx, b.portfolio.String())
	a.must(err)
	models, err := c.Models(ctx, client.Part{})
	a.must(err)
	if _, err := c.ModelCard(ctx, models.Present); err != nil || models.Present != cardDigest {
		t.Errorf("models %+v, %v", models, err)
	}
	waiting, err := c.SubmitRun(ctx, asked)
	a.must(err)
	a.must(c.CancelRun(ctx, waiting.ID, "no longer wanted"))
	if r, _, err := c.Run(ctx, waiting.ID); err != nil || r.State != "cancelled" || r.Reason != "no longer wanted" {
		t.Errorf("cancelled: %+v, %v", r, err)
	}
	wantRenamed(a, c, waiting.ID, b.sealedRun().String())
}

// wantRenamed gives a run another name and note, against its ETag and against what others changed, and voids a request for a sealed one.
func wantRenamed(a *appliance, c *client.Client, run, sealed string) {
	a.Helper()
	ctx := a.Context()
	before, etag, err := c.Run(ctx, run)
	a.must(err)
	r, now, err := c.ChangeRun(ctx, run, wire.RunChange{Name: number("second try")}, etag)
	a.must(err)
	if r.Name != "second try" || r.Note != before.Note || now == etag || r.State != before.State {
		a.Errorf("renamed: %+v, ETag %s after %s", r, now, etag)
	}
	_, _, err = c.ChangeRun(ctx, run, wire.RunChange{Note: number("for the renewal")}, etag)
	a.wantProblem(err, "changed-meanwhile")
	r, _, err = c.ChangeRun(ctx, run, wire.RunChange{Note: number("for the renewal")}, "")
	a.must(err)
	if r.Name != "second try" || r.Note != "for the renewal" {
		a.Errorf("with a note: %+v", r)
	}
	_, _, err = c.ChangeRun(ctx, run, wire.RunChange{}, "")
	a.wantProblem(err, "invalid")
	_, _, err = c.ChangeRun(ctx, run, wire.RunChange{Name: number(strings.Repeat("n", 201))}, "")
	a.wantProblem(err, "invalid")
	asked, err := c.RequestApproval(ctx, wire.NewApproval{Kind: "run", Object: sealed})
	a.must(err)
	_, _, err = c.ChangeRun(ctx, sealed, wire.RunChange{Name: number("another")}, "")
	a.must(err)
	if one, err := c.Approval(ctx, asked.ID); err != nil || one.Decision != "void" {
		a.Errorf("the request for what was renamed: %+v, %v", one, err)
	}
}

// wantResults reads a finished run in every form.
func wantResults(t *testing.T, c *client.Client, run string, want *engine.Result) {
	t.Helper()
	ctx := t.Context()
	parts, summaries := 0, 0
	for p := (client.Part{Limit: 2}); ; parts++ {
		m, err := c.RunMetrics(ctx, run, []string{"portfolio", "county"}, p)
		if err != nil {
			t.Fatal(err)
		}
		summaries += len(m.Items)
		if p.Cursor = m.NextCursor; p.Cursor == "" {
			break
		}
	}
	if parts != 1 || summaries != 3 {
		t.Errorf("%d summaries in %d parts", summaries, parts+1)
	}
	curves, err := c.RunCurves(ctx, run, 1, 12.5, 40)
	if err != nil || len(curves.Curves) != 4 || len(curves.Curves[0].Points) != 2 || curves.Curves[0].Points[0].ReturnPeriod != 12.5 {
		t.Errorf("curves %+v, %v", curves, err)
	}
	events, err := c.RunEvents(ctx, run, client.EventQuery{Perspective: "gross"}, client.Part{Limit: 1})
	if err != nil || len(events.Items) != 1 || events.Total == 0 || events.NextCursor == "" {
		t.Errorf("events %+v, %v", events, err)
	}
	tables, err := c.RunTables(ctx, run)
	if err != nil || len(tables.Tables) < 10 {
		t.Fatalf("tables %+v, %v", tables, err)
	}
	page, err := c.RunTable(ctx, run, "summary-info", client.Part{})
	if err != nil || page.Total == 0 {
		t.Errorf("page %+v, %v", page, err)
	}
	var kept, exported bytes.Buffer
	err = errors.Join(c.RunFile(ctx, run, "gu_mplt.csv", &kept, nil), c.ExportRunTable(ctx, run, "gu_mplt", "csv", &exported, nil))
	if err != nil || kept.Len() == 0 || kept.String() != exported.String() {
		t.Errorf("%d bytes kept, %d exported, %v", kept.Len(), exported.Len(), err)
	}
	if want.Report == nil {
		t.Error("the engine gave no report")
	}
}

// TestClientWebhooks makes, changes, tries and removes a webhook.
func TestClientWebhooks(t *testing.T) {
	a := start(t, unlimited)
	p := a.account(a.tenant("Example Mutual"), "admin@example.com", store.Admin)
	ctx, c := t.Context(), p.signedIn()
	made, err := c.AddWebhook(ctx, aWebhook())
	a.must(err)
	_, etag, err := c.Webhook(ctx, made.Webhook.ID)
	a.must(err)
	changed := aWebhook()
	changed.Name = "Other"
	w, now, err := c.ChangeWebhook(ctx, made.Webhook.ID, changed, etag)
	a.must(err)
	if w.Name != "Other" || now == etag {
		t.Errorf("%+v, %s after %s", w, now, etag)
	}
	rotated, err := c.RotateWebhook(ctx, made.Webhook.ID, 0)
	a.must(err)
	if rotated.Secret == made.Secret {
		t.Error("the secret is the same")
	}
	queued, err := c.TryWebhook(ctx, made.Webhook.ID)
	a.must(err)
	d, err := c.Delivery(ctx, queued.ID)
	a.must(err)
	if all := collected(t, c.Deliveries(ctx, "pending")); len(all) != 1 || all[0].ID != d.ID {
		t.Errorf("pending: %+v", all)
	}
	a.must(c.Redeliver(ctx, queued.ID))
	a.wantProblem(c.DeleteWebhook(ctx, made.Webhook.ID, etag), "changed-meanwhile")
	a.must(c.DeleteWebhook(ctx, made.Webhook.ID, ""))
	if left := collected(t, c.Webhooks(ctx)); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
	if left := collected(t, c.Egress(ctx)); len(left) != 0 {
		t.Errorf("left the appliance: %+v", left)
	}
}

// TestClientFollows: a run is followed from what it is to its seal, and the events of others are left out; a listener may leave.
func TestClientFollows(t *testing.T) {
	a, n := withNews(t)
	tenant := a.tenant("Example Mutual")
	p := a.account(tenant, "admin@example.com", store.Admin)
	b := newBench(a, tenant, "Coast", locations)
	run := b.submit(smallSpec())
	c, err := client.New(client.Options{BaseURL: "https://" + host, HTTP: &http.Client{Transport: a.streaming()}})
	a.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err = c.SignIn(ctx, wire.SignIn{Email: p.email, Password: p.password, Tenant: tenant.String(), Code: p.code()})
	a.must(err)
	var states []string
	for e, err := range c.FollowRun(ctx, run.String()) {
		a.must(err)
		states = append(states, e.State)
		switch {
		case e.Sealed:
		case e.State == "queued":
			n.publish(tenant, store.ID{0: 9}, workspace.Failed)
			n.publish(tenant, run, workspace.Running)
		case e.State == "running":
			b.carryOut(run)
			n.publish(tenant, run, workspace.Done)
		case e.State == "done":
			n.mu.Lock()
			n.all = append(n.all, web.RunEvent{ID: uint64(len(n.all) + 1), Tenant: tenant, Run: run, State: workspace.Done, Sealed: true})
			close(n.changed)
			n.changed = make(chan struct{})
			n.mu.Unlock()
		}
	}
	if want := []string{"queued", "running", "done", "done"}; !slices.Equal(states, want) {
		t.Errorf("states %q, want %q", states, want)
	}
	recent, err := c.RecentEvents(ctx, "1")
	a.must(err)
	if len(recent.Events) != 3 || recent.Last != "4" {
		t.Errorf("recent: %+v", recent)
	}
	for told, err := range c.StreamEvents(ctx, "3") {
		a.must(err)
		if told.Run == nil {
			continue
		}
		if told.Run.ID != "4" {
			t.Errorf("after 3: %+v", told.Run)
		}
		break
	}
	for _, err := range c.StreamEvents(ctx, "") {
		if err == nil {
			cancel()
			continue
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a listener whose time is over: %v", err)
		}
	}
}
