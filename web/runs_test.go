package web_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// told is a queue that writes down what it is told.
type told struct {
	mu  sync.Mutex
	all []string
}

func (q *told) Submitted(_, run store.ID) { q.tell("submitted " + run.String()) }

func (q *told) Cancelled(_, run store.ID, reason string) {
	q.tell("cancelled " + run.String() + " " + reason)
}

func (q *told) tell(what string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all = append(q.all, what)
}

func quickly(w web.Workload) web.Forecast {
	return web.Forecast{Elapsed: time.Duration(w.Locations*w.Years*max(w.Samples, 1)) * time.Microsecond, Memory: int64(w.Years), Disk: int64(w.Locations)}
}

func number[T any](v T) *T { return &v }

// work tries the operations on runs and results, on the tenant's real runs.
func (d *desk) work(p *person, tenant store.ID) {
	d.Helper()
	b := newBench(d.appliance, tenant, "Coast", locations)
	asked := wire.NewRun{Portfolio: b.portfolio.String(), Name: "renewal", Years: number(200), Samples: number(2), Seed: number("7"), ReturnPeriods: []float64{10, 50}}
	var first, second wire.SubmittedRun
	d.try("submitRun", p, asked).into(d.TB, &first)
	asked.Seed = nil
	d.try("submitRun", p, asked).into(d.TB, &second)
	d.try("forecastRun", p, asked)
	d.try("listRuns", p, nil, "?state=queued&portfolio="+b.portfolio.String())
	d.try("getRun", p, nil, first.ID)
	d.try("getRunSettings", p, nil, first.ID)
	b.carryOut(d.idOf(first.ID), wholeFile("estimate.json", "estimate", anEstimate(d.TB)))
	b.carryOut(d.idOf(second.ID))
	for _, operation := range []string{"getRunMetrics", "getRunCurves", "listRunEvents", "listRunTables"} {
		d.try(operation, p, nil, first.ID)
	}
	d.try("getRunCurves", p, nil, first.ID, "?return_periods=30,75")
	d.try("getRunTable", p, nil, first.ID, "gu_mplt")
	for _, form := range []string{"csv", "parquet", "xlsx"} {
		d.try("exportRunTable", p, nil, first.ID, "gr_ept", "?format="+form)
	}
	d.storms(p, first.ID)
	d.quantum(p, first.ID)
	d.try("getRunFile", p, nil, first.ID, "manifest.json")
	d.try("compareRuns", p, nil, "?baseline="+first.ID+"&with="+second.ID)
	d.try("exportComparison", p, nil, "?baseline="+first.ID+"&with="+second.ID)
	var third wire.SubmittedRun
	d.try("submitRun", p, asked).into(d.TB, &third)
	d.try("changeRun", p, wire.RunChange{Name: number("renewal, second try")}, third.ID)
	d.try("cancelRun", p, wire.Cancellation{Reason: "no longer wanted"}, third.ID)
}

// TestRuns: a run is submitted with defaults that are explained, found by filters, told to the queue, and cancelled once.
func TestRuns(t *testing.T) {
	q := &told{}
	a := start(t, unlimited, func(o *web.Options, _ *directory.Options) { o.Queue, o.Forecast = q, quickly })
	tenant := a.tenant("Example Mutual")
	analyst := a.join(tenant, "analyst@example.com", store.Analyst)
	b := newBench(a, tenant, "Coast", locations)

	var made wire.SubmittedRun
	again := header("Idempotency-Key", "first-run")
	got := analyst.want(201, analyst.call("POST", "/api/v1/runs", wire.NewRun{Portfolio: b.portfolio.String(), Name: "renewal", Years: number(300)}, again))
	got.into(t, &made)
	if repeated := analyst.want(201, analyst.call("POST", "/api/v1/runs", wire.NewRun{Portfolio: b.portfolio.String(), Name: "renewal", Years: number(300)}, again)); string(repeated.Body) != string(got.Body) {
		t.Errorf("the same key gave %s after %s", repeated, got)
	}
	explained := map[string]wire.Setting{}
	for _, s := range made.Settings {
		explained[s.Name] = s
		if s.Meaning == "" {
			t.Errorf("%+v is not explained", s)
		}
	}
	if y := explained["years"]; y.Value != "300" || y.Default {
		t.Errorf("years: %+v", y)
	}
	if s := explained["samples"]; s.Value != "5" || !s.Default {
		t.Errorf("samples: %+v", s)
	}
	if place := got.Header.Get("Location"); place != "/api/v1/runs/"+made.ID {
		t.Errorf("made at %s", place)
	}
	var run wire.Run
	analyst.want(200, analyst.call("GET", got.Header.Get("Location"), nil)).into(t, &run)
	if run.State != "queued" || run.Name != "renewal" || run.Spec.Years != 300 || run.Spec.Seed != "1" || run.By != analyst.id.String() || run.Spec.Correlation.Local != 0.1 {
		t.Errorf("%+v", run)
	}
	models, err := b.Models(t.Context(), "", 10)
	a.must(err)
	if len(models.Records) != 1 || models.Records[0].Value.Digest.String() != run.Model {
		t.Errorf("models %+v, the run's is %s", models.Records, run.Model)
	}

	for path, want := range map[string]int{
		"?state=queued": 1, "?state=done": 0, "?portfolio=" + b.portfolio.String(): 1, "?portfolio=" + run.ID: 0, "?by=" + run.By: 1, "?by=" + run.ID: 0, "": 1,
	} {
		var page wire.Page[wire.Run]
		analyst.want(200, analyst.call("GET", "/api/v1/runs"+path, nil)).into(t, &page)
		if len(page.Items) != want {
			t.Errorf("%s: %d runs, want %d", path, len(page.Items), want)
		}
	}
	var forecast wire.RunForecast
	analyst.want(200, analyst.call("POST", "/api/v1/runs/estimate", wire.NewRun{Portfolio: b.portfolio.String()})).into(t, &forecast)
	if forecast.MemoryBytes != 10000 || forecast.DiskBytes != 3 || forecast.Seconds != 0.15 {
		t.Errorf("forecast %+v", forecast)
	}

	cancel := "/api/v1/runs/" + made.ID + "/cancel"
	analyst.want(204, analyst.call("POST", cancel, wire.Cancellation{Reason: "wrong portfolio"}))
	if p := analyst.want(409, analyst.call("POST", cancel, wire.Cancellation{Reason: "again"})).problem(t); problemName(p) != "conflict" || !strings.Contains(p.Detail, "cancelled") {
		t.Errorf("cancelled twice: %+v", p)
	}
	if p := analyst.want(409, analyst.call("GET", "/api/v1/runs/"+made.ID+"/metrics", nil)).problem(t); !strings.Contains(p.Detail, "has no result") {
		t.Errorf("figures of a cancelled run: %+v", p)
	}
	if want := []string{"submitted " + made.ID, "cancelled " + made.ID + " wrong portfolio"}; fmt.Sprint(q.all) != fmt.Sprint(want) {
		t.Errorf("the queue was told %q, want %q", q.all, want)
	}
}

// TestRunsRefused: what a run cannot be asked is told member by member, with its bounds, and leaves an entry; a full quota is told as one.
func TestRunsRefused(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	analyst := a.join(tenant, "analyst@example.com", store.Analyst)
	b := newBench(a, tenant, "Coast", locations)
	of := b.portfolio.String()
	for _, c := range []struct {
		asked   wire.NewRun
		pointer string
		says    string
	}{
		{wire.NewRun{Portfolio: "x"}, "/portfolio", "32"},
		{wire.NewRun{Portfolio: of, Years: number(0)}, "/years", "1 to"},
		{wire.NewRun{Portfolio: of, Samples: number(-1)}, "/samples", "1000"},
		{wire.NewRun{Portfolio: of, Samples: number(1001)}, "/samples", "1000"},
		{wire.NewRun{Portfolio: of, Seed: number("-1")}, "/seed", "18446744073709551615"},
		{wire.NewRun{Portfolio: of, Seed: number("18446744073709551616")}, "/seed", "decimal"},
		{wire.NewRun{Portfolio: of, Correlation: &wire.Correlation{Event: 0.9, Local: 0.2}}, "/correlation", "at most 1"},
		{wire.NewRun{Portfolio: of, ReturnPeriods: []float64{10, 0.5}}, "/return_periods", "at least 1"},
		{wire.NewRun{Portfolio: of, ReturnPeriods: make([]float64, 101)}, "/return_periods", "101"},
		{wire.NewRun{Portfolio: of, Without: []string{"luck"}}, "/without/0", "no judgement"},
		{wire.NewRun{Portfolio: of, Name: strings.Repeat("n", 201)}, "/name", "200"},
	} {
		p := analyst.want(400, analyst.call("POST", "/api/v1/runs", c.asked)).problem(t)
		if len(p.Errors) != 1 || p.Errors[0].Pointer != c.pointer || !strings.Contains(p.Errors[0].Detail, c.says) {
			t.Errorf("%+v: %+v", c.asked, p.Errors)
		}
		if found := a.ofRequest(p.RequestID, tenant); len(found) != 1 || found[0].Action != "run.submit" || found[0].Outcome != store.Failed {
			t.Errorf("%+v left %+v", c.asked, found)
		}
	}
	both := analyst.want(400, analyst.call("POST", "/api/v1/runs", wire.NewRun{Portfolio: of, Years: number(-1), Samples: number(-1)})).problem(t)
	if len(both.Errors) != 2 {
		t.Errorf("two faults are told as %+v", both.Errors)
	}
	analyst.want(404, analyst.call("POST", "/api/v1/runs", wire.NewRun{Portfolio: analyst.id.String()}))
	analyst.want(400, analyst.call("GET", "/api/v1/runs?state=finished", nil))
	analyst.want(400, analyst.call("POST", "/api/v1/runs/"+of+"/cancel", wire.Cancellation{Reason: strings.Repeat("n", 501)}))

	a.must(workspace.SetQuotas(t.Context(), a.db, a.operator, tenant, workspace.Quotas{Queued: 2}))
	for range 2 {
		analyst.want(201, analyst.call("POST", "/api/v1/runs", wire.NewRun{Portfolio: of}))
	}
	got := analyst.want(429, analyst.call("POST", "/api/v1/runs", wire.NewRun{Portfolio: of}))
	if p := got.problem(t); problemName(p) != "quota-exceeded" || !strings.Contains(p.Detail, "quota is 2") {
		t.Errorf("beyond the quota: %+v", p)
	}
}
