package web_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/quantum"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/simulator"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// smallSpec is a run that takes no time.
func smallSpec() engine.Spec {
	return engine.Spec{Years: 200, Samples: 1, Seed: 7, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{10, 50}}
}

// sealedRun is a run of the tenant's that is done, with its build and a quantum estimate, and sealed.
func (b *bench) sealedRun() store.ID {
	b.Helper()
	id := b.submit(smallSpec())
	build, err := json.Marshal(seal.BuildOf(nil, engine.Version))
	b.must(err)
	b.carryOut(id, wholeFile("build.json", workspace.RoleBuild, build), wholeFile("estimate.json", "estimate", anEstimate(b.TB)))
	_, err = b.Seal(b.Context(), id)
	b.must(err)
	return id
}

// anEstimate is the simulator's report on a few losses.
func anEstimate(t testing.TB) []byte {
	t.Helper()
	p, err := quantum.NewProblem(quantum.Losses{Name: "gross_oep", Years: 200, Samples: 1, Positive: []float64{9e5, 7e5, 5e5, 4e5, 3e5, 2e5, 1e5}}, 3, []float64{50})
	if err != nil {
		t.Fatal(err)
	}
	from := quantum.Provenance{Name: "simulator", Simulated: true}
	panel, err := quantum.Estimate(t.Context(), p, &simulator.Backend{Seed: 1}, quantum.Options{Backend: from, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(quantum.Report{Format: quantum.Format, Notice: quantum.Notice, Seed: 7, Currency: "USD", Panels: []*quantum.Panel{panel}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestSeals: a run's seal is verified when it is asked, with every step and against every file of the result; it is downloaded as it was signed;
// uploaded, it verifies, and with a byte changed it says what is wrong.
func TestSeals(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	viewer := a.join(tenant, "viewer@example.com", store.Viewer)
	b := newBench(a, tenant, "Coast", locations)
	unsealed := b.submit(smallSpec())
	run := b.sealedRun()

	if p := viewer.want(404, viewer.call("GET", "/api/v1/runs/"+unsealed.String()+"/seal", nil)).problem(t); problemName(p) != "not-found" {
		t.Errorf("a run without a seal: %+v", p)
	}
	var got wire.RunSeal
	viewer.want(200, viewer.call("GET", "/api/v1/runs/"+run.String()+"/seal", nil)).into(t, &got)
	result, err := b.Result(t.Context(), run)
	a.must(err)
	named := func(name string) int {
		return slices.IndexFunc(got.Checks, func(c wire.SealCheck) bool { return strings.Contains(c.Name, name) })
	}
	if !got.Valid || got.Run != run.String() || len(got.Checks) < 10 {
		t.Fatalf("%+v", got)
	}
	for _, f := range result.Files {
		if i := named(f.Name); i < 0 || !got.Checks[i].OK || got.Checks[i].Got != f.Blob.Digest.String() {
			t.Errorf("file %s is not among what was compared: %+v", f.Name, got.Checks)
		}
	}

	file := viewer.want(200, viewer.call("GET", "/api/v1/runs/"+run.String()+"/seal/file", nil))
	kept, err := b.SealOf(t.Context(), run)
	a.must(err)
	if !bytes.Equal(file.Body, kept.Value.Envelope) || !strings.Contains(file.Header.Get("Content-Disposition"), ".seal.json") {
		t.Errorf("downloaded %d bytes, %v", len(file.Body), file.Header)
	}
	var verdict wire.SealVerdict
	viewer.want(200, viewer.call("POST", "/api/v1/seals/verify", string(file.Body))).into(t, &verdict)
	if !verdict.Valid || verdict.Run != run.String() || verdict.Seed != "7" || verdict.Key != got.Key || verdict.SHA256 != got.SHA256 {
		t.Errorf("%+v", verdict)
	}
	var envelope wire.SealEnvelope
	a.must(json.Unmarshal(file.Body, &envelope))
	changed := strings.Replace(string(file.Body), envelope.Payload[40:44], "AAAA", 1)
	for what, text := range map[string]string{"a changed byte": changed, "another form": " " + string(file.Body)} {
		verdict = wire.SealVerdict{}
		viewer.want(200, viewer.call("POST", "/api/v1/seals/verify", text)).into(t, &verdict)
		if verdict.Valid || verdict.Run != "" {
			t.Errorf("%s: %+v", what, verdict)
		}
	}
	viewer.want(400, viewer.call("POST", "/api/v1/seals/verify", `{"payload":"","signatures":[],"valid":true}`))
}

// TestRunEstimate: the estimate that was made with a run is given as its file has it; a run without one has none.
func TestRunEstimate(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	viewer := a.join(tenant, "viewer@example.com", store.Viewer)
	b := newBench(a, tenant, "Coast", locations)
	run, without := b.sealedRun(), b.submit(smallSpec())
	viewer.want(409, viewer.call("GET", "/api/v1/runs/"+without.String()+"/estimate", nil))
	b.carryOut(without)
	got := viewer.want(404, viewer.call("GET", "/api/v1/runs/"+without.String()+"/estimate", nil))
	a.wantOneEntryEach(map[string]string{got.Header.Get("X-Request-Id"): "an estimate that is not there"}, tenant)
	var estimate wire.RunEstimate
	viewer.want(200, viewer.call("GET", "/api/v1/runs/"+run.String()+"/estimate", nil)).into(t, &estimate)
	report, err := quantum.ReadReport(bytes.NewReader(estimate.Report))
	a.must(err)
	if p := report.Panel("gross_oep"); p == nil || !p.Backend.Simulated || len(p.Answers) == 0 {
		t.Errorf("%+v", report)
	}
}

// leave writes what would leave for an estimate, and what came back, into the tenant's record.
func (b *bench) leave(run store.ID, exchanges int) {
	b.Helper()
	id, err := b.SubmitEstimate(b.Context(), workspace.NewEstimate{Run: run, Question: "gross_oep 50", Device: "test", Shots: 10, Files: []workspace.NewFile{wholeFile("circuits.json", "circuits", []byte("{}"))}})
	b.must(err)
	j, err := b.Journal(b.Context(), id)
	b.must(err)
	for range exchanges {
		r := egress.Record{Purpose: "CreateQuantumTask", Destination: "device.example.com:443", Request: []byte("OPENQASM 3;")}
		of, err := j.Begin(b.Context(), r)
		b.must(err)
		r.Failure = "connection refused"
		b.must(j.Finish(b.Context(), of, r))
	}
}

// TestEgress: the record of what left is read in parts that join, each with one entry in the log, and each line leads to the one before.
func TestEgress(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	viewer := a.join(tenant, "viewer@example.com", store.Viewer)
	b := newBench(a, tenant, "Coast", locations)
	b.leave(b.sealedRun(), 3)
	var all []wire.EgressEntry
	path, sent := "/api/v1/egress?limit=4", map[string]string{}
	for cursor := ""; ; {
		var page wire.Page[wire.EgressEntry]
		got := viewer.want(200, viewer.call("GET", path+cursor, nil))
		sent[got.Header.Get("X-Request-Id")] = path + cursor
		got.into(t, &page)
		all = append(all, page.Items...)
		if page.NextCursor == "" {
			break
		}
		cursor = "&cursor=" + page.NextCursor
	}
	if len(all) != 6 || len(sent) != 2 {
		t.Fatalf("%d lines in %d parts: %+v", len(all), len(sent), all)
	}
	previous := strings.Repeat("0", 64)
	for i, e := range all {
		if e.Previous != previous || e.Number != int64(i+1) {
			t.Errorf("line %d: %+v", i+1, e)
		}
		previous = e.Hash
	}
	if e := all[0]; e.Kind != egress.KindRequest || e.Bytes != "T1BFTlFBU00gMzs=" || e.Destination != "device.example.com:443" || all[1].ID != e.ID || all[1].Failure == "" {
		t.Errorf("%+v", all[:2])
	}
	a.wantOneEntryEach(sent, tenant)
	if p := viewer.want(400, viewer.call("GET", "/api/v1/egress?cursor=bjk5", nil)).problem(t); len(p.Errors) != 1 || p.Errors[0].Parameter != "cursor" {
		t.Errorf("a cursor behind the end: %+v", p)
	}
}
