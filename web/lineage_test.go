package web_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

// leavesOf reads a list of ledger leaves part by part, three at a time.
func (p *person) leavesOf(query string) (all []wire.LedgerEntry) {
	p.Helper()
	for cursor := ""; ; {
		var page wire.Page[wire.LedgerEntry]
		p.want(200, p.call("GET", "/api/v1/ledger/entries?limit=3&"+query+"&cursor="+url.QueryEscape(cursor), nil)).into(p.TB, &page)
		all = append(all, page.Items...)
		if cursor = page.NextCursor; cursor == "" {
			return all
		}
	}
}

// TestLedgerList finds leaves by what they are about, in both orders.
func TestLedgerList(t *testing.T) {
	a := equipped(t)
	tenant := a.tenant("Gulf Mutual")
	admin := a.join(tenant, "admin@example.com", store.Admin)
	b := newBench(a, tenant, "Inland", locations)
	run := b.sealedRun()
	b.sealedRun()
	all := admin.leavesOf("")
	if len(all) < 7 || int64(len(all)) != all[len(all)-1].Sequence+1 {
		t.Fatalf("%d leaves", len(all))
	}
	newest := admin.leavesOf("order=newest")
	slices.Reverse(newest)
	if !slices.EqualFunc(all, newest, func(x, y wire.LedgerEntry) bool { return x.Leaf == y.Leaf }) {
		t.Error("newest first is not the reverse of oldest first")
	}
	kinds := func(found []wire.LedgerEntry) string {
		var words []string
		for _, l := range found {
			var lineage struct{ Kind, Subject string }
			a.must(json.Unmarshal(l.Lineage, &lineage))
			words = append(words, lineage.Kind)
		}
		return strings.Join(words, " ")
	}
	if got := kinds(admin.leavesOf("about=" + run.String())); !strings.HasPrefix(got, "spec run-started output") || !strings.HasSuffix(got, "seal") || strings.Count(got, "spec") != 1 {
		t.Errorf("about a run: %s", got)
	}
	one := all[4]
	raw, err := base64.StdEncoding.DecodeString(one.Leaf)
	a.must(err)
	for _, hash := range []string{one.Leaf, hex.EncodeToString(raw)} {
		if found := admin.leavesOf("about=" + url.QueryEscape(hash)); len(found) != 1 || found[0].Sequence != one.Sequence {
			t.Errorf("about the hash of leaf %d: %+v", one.Sequence, found)
		}
	}
	var sealed wire.RunSeal
	admin.want(200, admin.call("GET", "/api/v1/runs/"+run.String()+"/seal", nil)).into(t, &sealed)
	if got := kinds(admin.leavesOf("about=" + sealed.SHA256)); got != "seal" {
		t.Errorf("about a seal's digest: %q", got)
	}
	if found := admin.leavesOf("about=nothing"); len(found) != 0 {
		t.Errorf("about nothing: %+v", found)
	}
}

// TestVerifyLogs has the logs verified by those who may.
func TestVerifyLogs(t *testing.T) {
	a := equipped(t)
	tenant := a.tenant("Gulf Mutual")
	other := a.tenant("Atlantic Mutual")
	operator := a.join(store.Appliance, "operator@example.com", store.Operator)
	viewer := a.join(tenant, "viewer@example.com", store.Viewer)
	for log, path := range map[string]string{"audit": "/api/v1/audit/verification", "ledger": "/api/v1/ledger/verification"} {
		var own, every wire.LogVerification
		viewer.want(200, viewer.call("GET", path, nil)).into(t, &own)
		if !own.Valid || len(own.Logs) != 1 || own.Logs[0].Tenant != tenant.String() || own.Logs[0].Log != log || own.Logs[0].Fault != "" || own.Ended.Before(own.Began) {
			t.Errorf("%s of a tenant: %+v", log, own)
		}
		operator.want(200, operator.call("GET", path, nil)).into(t, &every)
		if !every.Valid || !slices.ContainsFunc(every.Logs, func(r wire.LogReport) bool { return r.Tenant == other.String() }) {
			t.Errorf("%s of the operator: %+v", log, every)
		}
	}
	analyst := a.join(tenant, "analyst@example.com", store.Analyst)
	analyst.want(403, analyst.call("GET", "/api/v1/audit/verification", nil))
	analyst.want(200, analyst.call("GET", "/api/v1/ledger/verification", nil))
}

// TestPeople: everybody in a tenant sees who is behind an id, and nothing more of them; nobody sees another tenant's.
func TestPeople(t *testing.T) {
	a := start(t)
	tenant, other := a.tenant("Gulf Mutual"), a.tenant("Atlantic Mutual")
	admin := a.join(tenant, "admin@example.com", store.Admin)
	viewer := a.join(tenant, "viewer@example.com", store.Viewer)
	a.join(other, "stranger@example.com", store.Admin)
	state := "disabled"
	gone := a.join(tenant, "gone@example.com", store.Analyst)
	admin.want(200, admin.call("PATCH", "/api/v1/users/"+gone.id.String(), wire.UserChange{State: &state}))
	var people wire.Page[wire.Colleague]
	answer := viewer.want(200, viewer.call("GET", "/api/v1/people", nil))
	answer.into(t, &people)
	ids := map[string]string{}
	for _, p := range people.Items {
		ids[p.ID] = p.Role
	}
	if len(ids) != 3 || ids[admin.id.String()] != "admin" || ids[viewer.id.String()] != "viewer" || ids[gone.id.String()] != "analyst" {
		t.Errorf("%+v", people.Items)
	}
	if strings.Contains(string(answer.Body), "@example.com") {
		t.Errorf("an address is in it: %s", answer.Body)
	}
}

// TestCurrentSession: the list of one's own sessions says which one asks, that of another's none.
func TestCurrentSession(t *testing.T) {
	a := start(t)
	tenant := a.tenant("Gulf Mutual")
	admin := a.join(tenant, "admin@example.com", store.Admin)
	viewer := a.join(tenant, "viewer@example.com", store.Viewer)
	current := func(by *person, path string) (count int) {
		t.Helper()
		var all wire.Page[wire.UserSession]
		by.want(200, by.call("GET", path, nil)).into(t, &all)
		for _, s := range all.Items {
			if s.Current {
				count++
			}
		}
		return count
	}
	if mine, theirs := current(viewer, "/api/v1/me/sessions"), current(admin, "/api/v1/users/"+viewer.id.String()+"/sessions"); mine != 1 || theirs != 0 {
		t.Errorf("of one's own %d say that they ask, of another's %d", mine, theirs)
	}
}
