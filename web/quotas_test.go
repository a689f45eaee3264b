package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// TestQuotas: operators set a tenant's quotas over the API and on the page, and from then on they hold; the tenant reads its own and
// changes none.
func TestQuotas(t *testing.T) {
	a := start(t, unlimited)
	tenant, other := a.tenant("Gulf Mutual"), a.tenant("Other Mutual")
	admin, operator := a.join(tenant, "admin@example.com", store.Admin), a.join(store.Appliance, "operator@example.com", store.Operator)
	of := "?tenant=" + tenant.String()
	read := func(p *person, query string) (q wire.TenantQuotas) {
		t.Helper()
		p.want(200, p.call("GET", "/api/v1/quotas"+query, nil)).into(t, &q)
		return q
	}
	if q := read(admin, ""); q.Tenant != tenant.String() || q.Quotas != wire.Quotas(workspace.DefaultQuotas()) || q.Used != (wire.Quotas{}) {
		t.Errorf("%+v", q)
	}
	operator.want(204, operator.call("PUT", "/api/v1/quotas"+of, wire.Quotas{Queued: 1, Portfolios: 3}))
	b := newBench(a, tenant, "Coast", locations)
	b.submit(smallSpec())
	if q := read(operator, of); q.Quotas.Queued != 1 || q.Quotas.Portfolios != 3 || q.Quotas.Running != q.Defaults.Running || q.Used.Queued != 1 || q.Used.Portfolios != 1 || q.Used.Bytes == 0 {
		t.Errorf("%+v", q)
	}
	r := admin.want(429, admin.call("POST", "/api/v1/runs", wire.NewRun{Portfolio: b.portfolio.String()}))
	if p := r.problem(t); !strings.Contains(p.Detail, "quota is 1") || r.Header.Get("Retry-After") == "" {
		t.Errorf("%+v", p)
	}
	for what, got := range map[string]answer{
		"an administrator sets": admin.call("PUT", "/api/v1/quotas", wire.Quotas{}), "of another tenant": admin.call("GET", "/api/v1/quotas?tenant="+other.String(), nil),
		"no tenant": operator.call("GET", "/api/v1/quotas", nil), "too many": operator.call("PUT", "/api/v1/quotas"+of, wire.Quotas{Queued: 5001}),
		"nobody's": operator.call("PUT", "/api/v1/quotas?tenant="+strings.Repeat("1", 32), wire.Quotas{}),
	} {
		if got.Status < 400 || got.Status >= 500 {
			t.Errorf("%s: %s", what, got)
		}
	}
	form := url.Values{"tenant": {tenant.String()}, "queued": {"9"}, "running": {"0"}, "portfolios": {"20"}, "gigabytes": {"5"}}
	if got := operator.post("/signed-in/quotas", form); got.Status != 303 || !strings.Contains(got.Header.Get("Location"), tenant.String()) {
		t.Errorf("the form: %s", got)
	}
	if q := read(admin, ""); q.Quotas.Queued != 9 || q.Quotas.Portfolios != 20 || q.Quotas.Bytes != 5e9 {
		t.Errorf("%+v", q)
	}
	form.Set("queued", "many")
	if got := operator.post("/signed-in/quotas", form); got.Status != 400 || !strings.Contains(string(got.Body), "Write a whole number") {
		t.Errorf("a form that is wrong: %d", got.Status)
	}
	page := string(operator.want(200, operator.call("GET", "/signed-in/quotas"+of, nil)).Body)
	own := string(admin.want(200, admin.call("GET", "/signed-in/quotas", nil)).Body)
	if !strings.Contains(page, "1 of 9") || !strings.Contains(page, "Change the quotas") || strings.Contains(own, "<form method=\"post\" action=\"/signed-in/quotas\"") || !strings.Contains(own, "1 of 9") {
		t.Error("the page does not say how it stands")
	}
	if got := operator.call("GET", "/signed-in/quotas", nil); got.Status != 303 || got.Header.Get("Location") != "/signed-in/tenants" {
		t.Errorf("an operator without a tenant: %s", got)
	}
}
