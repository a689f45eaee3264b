package web_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// settingMode is the mode of an appliance on which nothing but the setting depends. The directory comes after the server's options.
type settingMode struct{ *directory.Directory }

func (m *settingMode) Mode(ctx context.Context) (outbound.Mode, bool, error) {
	mode, err := m.Directory.Mode(ctx)
	return mode, false, err
}

func (m *settingMode) TakeUp(context.Context) error { return nil }

// connections is a record of outbound connections in memory, newest first.
type connections []outbound.Connection

func (c connections) Connections(before uint64, limit int) (found []outbound.Connection, err error) {
	for _, one := range c {
		if (before == 0 || one.ID < before) && len(found) < limit {
			found = append(found, one)
		}
	}
	return found, nil
}

// equipped is an appliance with a mode that can be set and a record of connections.
func equipped(t testing.TB) *appliance {
	t.Helper()
	mode, w := &settingMode{}, &ward{}
	kept := &vault{}
	a := start(t, unlimited, reading, func(o *web.Options, _ *directory.Options) {
		o.Diagnostics = w
		kept.db, o.Backups = o.DB, kept
		w.db = o.DB
		o.Mode, o.Connections, o.Forecast, o.Feed, o.Models = mode, recorded(), quickly, newNews(), theCard{}
		o.Trust = theTrust{}
	})
	mode.Directory = a.directory
	return a
}

func recorded() connections {
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	return connections{
		{ID: 2, Purpose: "e-mail", Host: "mail.example.com", Port: 587, Address: netip.MustParseAddrPort("192.0.2.25:587"), Began: at, Sent: 12, Received: 34},
		{ID: 1, Purpose: outbound.Circuits, Host: "braket.example.com", Port: 443, Began: at, Ended: at, Outcome: outbound.Refused, Reason: outbound.ErrAirGapped.Error()},
	}
}

// desk does operations one after the other, and holds each to its entry.
type desk struct {
	*appliance
	routes map[string]web.Route
	logs   []store.ID // of tenants
	done   []string
}

func newDesk(a *appliance, logs ...store.ID) *desk {
	d := &desk{appliance: a, routes: map[string]web.Route{}, logs: logs}
	for _, r := range web.Routes() {
		d.routes[r.Operation] = r
	}
	return d
}

// try asks for an operation; path fills the braces of the route's. It must succeed, and leave one entry that it did, under the
// verb of the route or the one that is named.
func (d *desk) try(operation string, p *person, body any, at ...string) answer {
	d.Helper()
	r, found := d.routes[operation]
	if !found {
		d.Fatalf("there is no operation %q", operation)
	}
	path, verb := r.Path, verbOf(r, p.role(d))
	for _, part := range at {
		switch {
		case strings.HasPrefix(part, "?"):
			path += part
		case strings.HasPrefix(part, "verb "):
			verb = strings.TrimPrefix(part, "verb ")
		default:
			before, after, _ := strings.Cut(path, "{")
			path = before + part + after[strings.Index(after, "}")+1:]
		}
	}
	got := p.call(r.Method, path, body)
	if got.Status >= 300 {
		d.Errorf("%s %s: %s", r.Method, path, got)
	}
	d.done = append(d.done, operation)
	d.wantDone(operation, verb, got.Header.Get("X-Request-Id"))
	return got
}

// role is what the person is.
func (p *person) role(d *desk) store.Role {
	if p.tenant == store.Appliance {
		return store.Operator
	}
	return store.Admin // of tenants' roles the route's verb is the same
}

// changesKeys are operations that say in two logs, before and after, what is done to keys.
var changesKeys = []string{"addTenant", "eraseTenant", "rotateKeys"}

// wantDone wants one entry of the request, that the verb was done. Operations that change keys announce that in an entry before,
// and tell the tenant in its own log, or the appliance.
func (d *desk) wantDone(operation, verb, request string) {
	d.Helper()
	var entries []string
	done := 0
	for _, e := range d.ofRequest(request, d.logs...) {
		entries = append(entries, fmt.Sprintf("%s %s %s", e.Action, e.Outcome, e.Reason))
		if e.Action == verb && e.Outcome == store.Done {
			done++
		}
	}
	if done == 0 || len(entries) != 1 && !slices.Contains(changesKeys, operation) {
		d.Errorf("%s left %d entries, %q; want one, that %s was done", operation, len(entries), entries, verb)
	}
}

// TestOperations does every operation that wants to know who asks, once with success, and finds its one entry.
func TestOperations(t *testing.T) {
	a := equipped(t)
	tenant := a.tenant("Example Mutual")
	a.lineage(tenant, 3)
	operator, admin := a.join(store.Appliance, "operator@example.com", store.Operator), a.join(tenant, "admin@example.com", store.Admin)
	d := newDesk(a, tenant)
	d.account(admin)
	d.people(admin, operator, tenant)
	d.work(admin, tenant)
	d.decisions(admin, tenant)
	d.webhooks(admin)
	d.portfolios(admin)
	d.logsAndKeys(admin, operator, tenant)
	d.runs(operator)
	for _, r := range ofAPI() {
		if !slices.Contains(d.done, r.Operation) && !ownAccount(r) {
			t.Errorf("%s %s was not tried", r.Method, r.Path)
		}
	}
	t.Logf("%d operations", len(d.done))
}

// ownAccount are the routes of one's own credentials, which their own tests try.
func ownAccount(r web.Route) bool {
	return r.Access == web.SignedIn && r.Method != "GET"
}

// lineage enters leaves into the tenant's ledger, as runs do.
func (a *appliance) lineage(tenant store.ID, leaves int) {
	a.Helper()
	t, err := a.db.Tenant(a.Context(), storetest.User(tenant, store.Modeler), tenant)
	a.must(err)
	verb, err := store.ParseVerb("portfolio.import")
	a.must(err)
	for i := range leaves {
		a.must(t.Update(a.Context(), store.Action{Verb: verb}, func(tx *store.WriteTx) error {
			tx.Enter(ledger.Lineage{Kind: ledger.ExposureImported, Subject: ledger.ID(tx.NewID()), Note: fmt.Sprint("portfolio ", i)})
			return nil
		}))
	}
}

func (d *desk) account(p *person) {
	d.Helper()
	for _, operation := range []string{"getSession", "getMe", "listMySessions", "listMyPasskeys"} {
		d.try(operation, p, nil)
	}
}

func (d *desk) people(admin, operator *person, tenant store.ID) {
	d.Helper()
	d.try("getPolicy", admin, nil)
	d.try("setPolicy", admin, wire.Policy{RequireSecondFactor: true})
	d.try("listRoles", admin, nil)
	d.try("listPeople", admin, nil)
	d.try("listRoles", operator, nil)
	d.try("getQuotas", admin, nil)
	d.try("getQuotas", operator, nil, "?tenant="+tenant.String())
	d.try("setQuotas", operator, wire.Quotas{Queued: 7}, "?tenant="+tenant.String())
	d.try("listControls", admin, nil)
	d.try("listDestinations", operator, nil)

	var added wire.AddedUser
	d.try("addUser", admin, wire.NewUser{Email: "bea@example.com", Name: "Bea", Role: "viewer"}).into(d.TB, &added)
	name, off, on := "Beatrix", "disabled", "active"
	bea := added.User.ID
	d.try("listUsers", admin, nil)
	d.try("getUser", admin, nil, bea)
	d.try("changeUser", admin, wire.UserChange{Name: &name}, bea)
	d.try("changeUser", admin, wire.UserChange{State: &off}, bea, "verb user.disable")
	d.try("changeUser", admin, wire.UserChange{State: &on}, bea)
	d.try("resetUserPassword", admin, nil, bea)
	d.try("resetUserSecondFactor", admin, nil, bea)
	d.try("listUserSessions", admin, nil, bea)
	d.try("endUserSessions", admin, nil, bea)

	in := "?tenant=" + tenant.String()
	d.try("listUsers", operator, nil, in)
	d.try("getUser", operator, nil, bea, in)
	d.try("changeUser", operator, wire.UserChange{State: &off}, bea, in)
	cora := wire.NewUser{Email: "cora@example.com", Name: "Cora", Role: "admin"}
	operator.want(403, operator.call("POST", "/api/v1/users"+in, cora)) // it has an administrator
	operator.want(201, operator.call("POST", "/api/v1/users?tenant="+d.tenant("Without administrator").String(), cora))
	d.try("addUser", operator, wire.NewUser{Email: "second@example.com", Name: "Second", Role: "operator"}, "verb operator.add")

	var invited wire.MadeInvitation
	d.try("invite", admin, wire.NewUser{Email: "dan@example.com", Name: "Dan", Role: "analyst"}).into(d.TB, &invited)
	d.try("listInvitations", admin, nil)
	d.try("listNotices", admin, nil)
	d.try("withdrawInvitation", admin, nil, invited.Invitation.ID)

	var key wire.MadeAPIKey
	d.try("addAPIKey", admin, wire.NewAPIKey{Name: "pipeline", Scopes: []string{"run.submit"}}).into(d.TB, &key)
	d.try("listAPIKeys", admin, nil)
	d.try("rotateAPIKey", admin, wire.APIKeyRotation{OverlapSeconds: 60}, key.APIKey.ID)
	d.try("revokeAPIKey", admin, nil, key.APIKey.ID)
}

func (d *desk) logsAndKeys(admin, operator *person, tenant store.ID) {
	d.Helper()
	for _, p := range []*person{admin, operator} {
		d.try("listAuditEntries", p, nil)
		d.try("listAuditTrail", p, nil)
		d.try("proveAuditEntry", p, nil, "0")
		d.try("getAuditCheckpoint", p, nil)
		d.try("proveAuditConsistency", p, nil, "?earlier=1")
		d.try("exportAudit", p, nil)
		d.try("exportAuditTrail", p, nil)
		d.try("listKeys", p, nil)
	}
	d.try("verifyAudit", admin, nil)
	d.try("verifyAudit", operator, nil)
	d.try("listLedgerEntries", admin, nil)
	d.try("verifyLedger", admin, nil)
	d.try("proveLedgerEntry", admin, nil, "1")
	d.try("getLedgerCheckpoint", admin, nil)
	d.try("exportLedger", admin, nil)
	d.try("rotateKeys", admin, nil)
	d.try("rotateKeys", operator, nil, "?tenant="+tenant.String())
	d.try("rotateKeys", operator, nil)
}

func (d *desk) runs(operator *person) {
	d.Helper()
	var made wire.MadeTenant
	d.try("addTenant", operator, wire.NewTenant{Name: " Short-lived "}).into(d.TB, &made)
	d.try("listTenants", operator, nil)
	d.try("eraseTenant", operator, nil, made.ID)
	d.try("getErasureCertificate", operator, nil, made.ID)
	d.try("getSystem", operator, nil)
	d.try("listConnections", operator, nil)
	d.try("getDoctor", operator, nil)
	d.try("listBackups", operator, nil)
	d.try("startBackup", operator, nil)
	d.try("listDrills", operator, nil)
	d.try("startDrill", operator, nil)
	d.try("getBackupSchedule", operator, nil)
	var collected wire.Bundle
	d.try("collectBundle", operator, nil).into(d.TB, &collected)
	d.try("listBundles", operator, nil)
	d.try("getBundleFile", operator, nil, collected.ID, "?name="+collected.Files[0].Name)
	d.try("downloadBundle", operator, nil, collected.ID, "?without="+collected.Files[0].Name)
	d.try("setMode", operator, wire.Mode{Mode: "hybrid"})

	locked := operator.want(204, operator.call("POST", "/api/v1/system/lock", nil))
	d.must(d.db.Unlock(context.Background(), d.operator, storetest.Unlocker(d.dir))) // a locked store shows no entries
	d.done = append(d.done, "lockStore")
	d.wantDone("lockStore", "store.lock", locked.Header.Get("X-Request-Id"))
}
