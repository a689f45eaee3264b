package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

// bodies are what operations on something by its id, or in a tenant by its id, are sent.
func bodies() map[string]any {
	name := "Another Name"
	return map[string]any{
		"cancelRun": wire.Cancellation{Reason: "not theirs"}, "changeRun": wire.RunChange{Name: &name},
		"approve": wire.Reason{Reason: "not theirs"}, "reject": wire.Reason{Reason: "not theirs"}, "withdrawApproval": wire.Reason{Reason: "not theirs"},
		"changeWebhook": aWebhook(), "rotateWebhook": wire.WebhookRotation{},
		"confirmQuantumJob": wire.QuantumAgreement{Digest: "abc"}, "exportQuantumJob": wire.QuantumExport{MaxPriceUSD: "1.00"},
		"changeUser":   wire.UserChange{Name: &name},
		"rotateAPIKey": wire.APIKeyRotation{},
		"addUser":      wire.NewUser{Email: "new@example.com", Name: "N. N.", Role: "viewer"},
		"invite":       wire.NewUser{Email: "new@example.com", Name: "N. N.", Role: "viewer"},
	}
}

// holdings are ids of everything that a tenant has, by what they are of.
func (a *appliance) holdings(tenant store.ID) map[string]store.ID {
	a.Helper()
	admin := a.join(tenant, "their-admin@example.com", store.Admin)
	viewer := a.join(tenant, "their-viewer@example.com", store.Viewer)
	var key wire.MadeAPIKey
	admin.want(201, admin.call("POST", "/api/v1/api-keys", wire.NewAPIKey{Name: "k", Scopes: []string{"run.read"}})).into(a.TB, &key)
	var invited wire.MadeInvitation
	admin.want(201, admin.call("POST", "/api/v1/invitations", wire.NewUser{Email: "guest@example.com", Name: "G.", Role: "viewer"})).into(a.TB, &invited)
	b := newBench(a, tenant, "Their coast", locations)
	run := b.submit(engine.Spec{Years: 20, Samples: 1})
	b.carryOut(run)
	var sessions wire.Page[wire.UserSession]
	admin.want(200, admin.call("GET", "/api/v1/users/"+viewer.id.String()+"/sessions", nil)).into(a.TB, &sessions)
	var approval wire.MadeApproval
	admin.want(201, admin.call("POST", "/api/v1/approvals", wire.NewApproval{Kind: "portfolio", Object: b.portfolio.String()})).into(a.TB, &approval)
	var job wire.QuantumJob
	admin.want(201, admin.call("POST", "/api/v1/quantum-jobs", wire.NewQuantumJob{Run: run.String(), Question: "q"})).into(a.TB, &job)
	var hook wire.MadeWebhook
	admin.want(201, admin.call("POST", "/api/v1/webhooks", aWebhook())).into(a.TB, &hook)
	var delivery wire.QueuedDelivery
	admin.want(202, admin.call("POST", "/api/v1/webhooks/"+hook.Webhook.ID+"/trial", nil)).into(a.TB, &delivery)
	return map[string]store.ID{
		"approval": a.idOf(approval.ID), "webhook": a.idOf(hook.Webhook.ID), "delivery": a.idOf(delivery.ID),
		"tenant": tenant, "administrator": admin.id, "viewer": viewer.id, "API key": a.idOf(key.APIKey.ID), "invitation": a.idOf(invited.Invitation.ID),
		"invited": a.idOf(invited.Invitation.User.ID), "session": a.idOf(sessions.Items[0].ID), "portfolio": b.portfolio, "run": run, "job": a.idOf(job.ID), "nobody": {0: 1, 15: 9},
	}
}

// idOf reads an id that a reply gave.
func (a *appliance) idOf(text string) store.ID {
	a.Helper()
	id, err := store.ParseID(text)
	a.must(err)
	return id
}

// state is what there is of a tenant's people.
func (a *appliance) state(tenant store.ID) string {
	a.Helper()
	users, err := a.directory.Users(a.Context(), a.operator, tenant, "", 1000)
	a.must(err)
	invitations, err := a.directory.Invitations(a.Context(), a.operator, tenant)
	a.must(err)
	desk := directory.HostOperator("test", store.Source{Address: "host"})
	owners, err := a.db.Keys(a.Context(), desk)
	a.must(err)
	var keys []string
	for _, k := range owners {
		if k.Owner.Space == tenant {
			keys = append(keys, k.KeyID.String())
		}
	}
	text, err := json.Marshal([]any{users.Users, invitations, keys})
	a.must(err)
	return string(text)
}

// ofTheAppliance are the routes with an id that are for operators alone: what they name is no tenant's, and an administrator is denied whatever it is.
var ofTheAppliance = []string{"downloadBundle", "getBundleFile"}

// TestForeignIDs gives every route that takes an id, as an administrator, ids of another tenant's: of its users, sessions, keys and
// invitations, and its own. It answers each 404 and nothing else, as for an id of nobody's; there is one entry in the caller's log,
// that it was denied or failed; and none in the other tenant's, in which nothing is changed.
func TestForeignIDs(t *testing.T) {
	a := start(t, unlimited, reading)
	mine, theirs := a.tenant("Example Mutual"), a.tenant("Other Mutual")
	admin := a.join(mine, "admin@example.com", store.Admin)
	foreign := a.holdings(theirs)
	before := a.state(theirs)
	send := bodies()
	send["replacePortfolio"] = form(t, part{"location", "location.csv", locations})
	sent := map[string]string{}
	routes := 0
	for _, r := range known() {
		if !strings.Contains(r.Path, "{id}") {
			continue
		}
		routes++
		var edit []func(*http.Request)
		if r.Page && r.Method == "POST" {
			send[r.Operation], edit = "name=Another+Name&role=viewer", append(edit, header("Content-Type", "application/x-www-form-urlencoded"))
			if r.Operation != "sendUserChange" {
				send[r.Operation] = ""
			}
		}
		for _, what := range slices.Sorted(maps.Keys(foreign)) {
			got := admin.call(r.Method, strings.NewReplacer("{id}", foreign[what].String(), "{event}", "1").Replace(r.Path), send[r.Operation], edit...)
			sent[got.Header.Get("X-Request-Id")] = fmt.Sprintf("%s %s with another tenant's %s", r.Method, r.Path, what)
			want := "not-found"
			if slices.Contains(ofTheAppliance, r.Operation) {
				want = "denied"
			}
			if problem := refused(t, r, got); problem != want {
				t.Errorf("%s: %d %s", sent[got.Header.Get("X-Request-Id")], got.Status, problem)
			}
		}
	}
	inTenant := a.sendInto(admin, theirs, sent)
	t.Logf("%d routes with an id × %d ids, and %d routes that name a tenant: %d requests", routes, len(foreign), len(inTenant), len(sent))
	if want := []string{
		"addUser", "changeUser", "getQuotas", "getUser", "invite", "listInvitations", "listUsers", "resetUserPassword", "resetUserSecondFactor", "rotateKeys", "withdrawInvitation",
	}; !slices.Equal(inTenant, want) {
		t.Errorf("routes that name a tenant: %q, want %q", inTenant, want)
	}
	a.wantRefusals(sent, mine, theirs)
	if after := a.state(theirs); after != before {
		t.Errorf("the other tenant was\n%.2000s\nand is\n%.2000s", before, after)
	}
}

// sendInto asks every route for the other tenant in its query. It returns those that take one.
func (a *appliance) sendInto(p *person, tenant store.ID, sent map[string]string) (all []string) {
	a.Helper()
	send := bodies()
	for _, r := range ofAPI() {
		got := p.call(r.Method, strings.NewReplacer("{id}", p.id.String(), "{sequence}", "0", "{event}", "1").Replace(r.Path)+"?tenant="+tenant.String(), send[r.Operation])
		problem := problemName(got.problem(a.TB))
		switch {
		case problem == "not-found":
			all = append(all, r.Operation)
			sent[got.Header.Get("X-Request-Id")] = r.Operation + " in another tenant"
		case !fits(problem, "") && problem != "denied":
			a.Errorf("%s in another tenant: %d %s", r.Operation, got.Status, problem)
		}
	}
	return slices.DeleteFunc(slices.Sorted(slices.Values(all)), func(operation string) bool {
		return operation == "eraseTenant" || operation == "getErasureCertificate" // which are not found whatever the query says
	})
}

// wantRefusals wants one entry for each request in the log of the first tenant, denied or failed, and none in the other's.
func (a *appliance) wantRefusals(sent map[string]string, mine, theirs store.ID) {
	a.Helper()
	count := map[string]int{}
	for _, e := range a.entries(mine) {
		what, ours := sent[e.Request]
		if !ours {
			continue
		}
		count[e.Request]++
		if e.Outcome != store.Denied && e.Outcome != store.Failed || len(e.Changes) > 0 {
			a.Errorf("%s: entry %s %s with %d changes", what, e.Action, e.Outcome, len(e.Changes))
		}
	}
	for request, what := range sent {
		if count[request] != 1 {
			a.Errorf("%s: %d entries in the caller's log, want one", what, count[request])
		}
	}
	for _, e := range a.entries(theirs) {
		if what, ours := sent[e.Request]; ours {
			a.Errorf("%s: an entry in the other tenant's log: %s %s", what, e.Action, e.Outcome)
		}
	}
}
