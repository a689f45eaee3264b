package web_test

import (
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// request asks for the approval of a run.
func (p *person) request(run store.ID) wire.MadeApproval {
	p.Helper()
	var made wire.MadeApproval
	p.want(201, p.call("POST", "/api/v1/approvals", wire.NewApproval{Kind: "run", Object: run.String(), Note: "for the filing"})).into(p.TB, &made)
	return made
}

// decision is how a request stands.
func (p *person) decision(id string) wire.Approval {
	p.Helper()
	var got wire.Approval
	p.want(200, p.call("GET", "/api/v1/approvals/"+id, nil)).into(p.TB, &got)
	return got
}

// TestApprovals: who asks does not decide; a decision wants a reason, and an approval a fresh proof; one request is decided once; a
// change of what was to be approved voids it; every decision is a leaf of the ledger.
func TestApprovals(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	admin, approver := a.join(tenant, "admin@example.com", store.Admin), a.join(tenant, "approver@example.com", store.Approver)
	b := newBench(a, tenant, "Coast", locations)
	run := b.sealedRun()
	reason := wire.Reason{Reason: "figures and settings agree"}
	leaves := a.leaves(tenant)

	made := admin.request(run)
	admin.want(409, admin.call("POST", "/api/v1/approvals", wire.NewApproval{Kind: "run", Object: run.String()}))
	decide := "/api/v1/approvals/" + made.ID
	if p := admin.want(403, admin.call("POST", decide+"/approve", reason)).problem(t); problemName(p) != "denied" {
		t.Errorf("one's own request: %+v", p)
	}
	if p := approver.want(403, approver.call("POST", decide+"/withdraw", reason)).problem(t); problemName(p) != "denied" {
		t.Errorf("withdrawn by another: %+v", p)
	}
	for _, how := range []string{"/approve", "/reject"} {
		if p := approver.want(400, approver.call("POST", decide+how, wire.Reason{})).problem(t); len(p.Errors) != 1 || p.Errors[0].Pointer != "/reason" {
			t.Errorf("%s without a reason: %+v", how, p)
		}
	}
	approver.want(204, approver.call("POST", decide+"/approve", reason))
	approver.want(409, approver.call("POST", decide+"/reject", reason))
	if got := admin.decision(made.ID); got.Decision != "approved" || got.Decider != approver.id.String() || got.By != admin.id.String() || got.Reason != reason.Reason || got.Decided == nil {
		t.Errorf("%+v", got)
	}
	if got := a.leaves(tenant); got != leaves+1 {
		t.Errorf("%d leaves after %d: the decision is one", got, leaves)
	}

	second := b.sealedRun()
	withdrawn := admin.request(second)
	admin.want(204, admin.call("POST", "/api/v1/approvals/"+withdrawn.ID+"/withdraw", reason))
	void := admin.request(second)
	r, err := b.Run(t.Context(), second)
	a.must(err)
	_, err = b.Describe(t.Context(), second, r.Version, workspace.Label{Name: number("another name")})
	a.must(err)
	if p := approver.want(409, approver.call("POST", "/api/v1/approvals/"+void.ID+"/approve", reason)).problem(t); problemName(p) != "conflict" {
		t.Errorf("of what was changed: %+v", p)
	}
	var last wire.LastApproval
	approver.want(200, approver.call("GET", "/api/v1/runs/"+second.String()+"/approval", nil)).into(t, &last)
	if last.Current || last.Approval.Decision != string(workspace.Void) || last.Approval.ID != void.ID {
		t.Errorf("%+v", last)
	}
	if got := approver.decision(withdrawn.ID).Decision; got != "withdrawn" {
		t.Errorf("withdrawn: %s", got)
	}
}

// leaves is how many the tenant's ledger has.
func (a *appliance) leaves(tenant store.ID) int {
	a.Helper()
	t, err := a.db.Tenant(a.Context(), a.reader(tenant), tenant)
	a.must(err)
	all, err := t.Ledger(a.Context(), -1, 1000)
	a.must(err)
	return len(all)
}

// decisions tries the operations on what is approved, sealed and estimated of the tenant's runs, and on what they were made with.
func (d *desk) decisions(admin *person, tenant store.ID) {
	d.Helper()
	approver := d.join(tenant, "approver@example.com", store.Approver)
	b := newBench(d.appliance, tenant, "Inland", locations)
	run := b.sealedRun()
	reason := wire.Reason{Reason: "as agreed"}
	for _, how := range []string{"reject", "approve"} {
		var made wire.MadeApproval
		d.try("requestApproval", admin, wire.NewApproval{Kind: "run", Object: run.String()}).into(d.TB, &made)
		d.try("getApproval", approver, nil, made.ID)
		d.try(how, approver, reason, made.ID)
	}
	var ofBook wire.MadeApproval
	d.try("requestApproval", admin, wire.NewApproval{Kind: "portfolio", Object: b.portfolio.String()}).into(d.TB, &ofBook)
	var last wire.LastApproval
	d.try("getPortfolioApproval", approver, nil, b.portfolio.String()).into(d.TB, &last)
	if last.Approval.PortfolioVersion != 1 {
		d.Errorf("the request about the portfolio is %+v", last)
	}
	d.try("withdrawApproval", admin, reason, ofBook.ID)
	d.try("listApprovals", approver, nil)
	d.try("getRunApproval", approver, nil, run.String())
	d.try("getSeal", admin, nil, run.String())
	file := d.try("downloadSeal", admin, nil, run.String())
	d.try("verifySeal", admin, string(file.Body))
	d.try("getRunEstimate", admin, nil, run.String())
	d.try("getRunReport", admin, nil, run.String())
	d.try("listEgress", admin, nil)
	d.try("listModels", admin, nil)
	d.try("getModelCard", admin, nil, cardDigest)
	d.try("listRecentEvents", admin, nil)
	stream := admin.listen()
	stream.find("open")
	d.done = append(d.done, "streamEvents")
	d.wantDone("streamEvents", "run.read", stream.header.Get("X-Request-Id"))
}

// theCard is what an appliance knows of one model.
type theCard struct{}

const cardDigest = "1111111111111111111111111111111111111111111111111111111111111111"

func (theCard) Digest() string { return cardDigest }

func (theCard) Card(digest string) *wire.ModelCard {
	if digest != cardDigest {
		return nil
	}
	return &wire.ModelCard{
		ID: cardDigest, Engine: "1.0.0", Region: "Florida", Peril: "hurricane wind", Signoff: "pending independent K=30 signoff",
		Parameters:  []wire.ModelParameter{{Stage: "loss", Name: "correlation between any two sites", Distribution: "constant", Value: "0.05", Unit: "1", Kind: "judgement", Source: "reasoning"}},
		Sources:     []wire.ModelSource{{Source: "reasoning", Kinds: []string{"judgement"}, Stages: []string{"loss"}, Parameters: 1}},
		Limits:      []string{"Florida only."},
		Performance: []wire.Performance{{What: "Average annual loss", Measured: "3.077 million USD ± 0.30 %", Of: "the equal-value portfolio"}},
		Estimate:    "# The estimate\n\n**A check of a method.** No more.",
	}
}
