package web_test

import (
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// heldFigures stop where a report begins to read, until they are let go.
type heldFigures struct {
	web.Figures
	begun, goOn chan struct{}
}

func (f *heldFigures) Metrics(r *web.KeptRun, levels []string, from, limit int) (wire.RunMetrics, error) {
	f.begun <- struct{}{}
	<-f.goOn
	return f.Figures.Metrics(r, levels, from, limit)
}

// TestHeavyReadings: while a tenant has a report made, its next report or verification is refused for a while, with one entry; others are
// served as long as there is a place; then all are again.
func TestHeavyReadings(t *testing.T) {
	held := &heldFigures{begun: make(chan struct{}), goOn: make(chan struct{})}
	a := start(t, unlimited, trusting(false), func(o *web.Options, _ *directory.Options) {
		held.Figures = o.Figures
		o.Figures = held
	})
	var viewers []*person
	var papers []string
	var tenants []store.ID
	for _, name := range []string{"gulf", "atlantic", "keys"} {
		tenant := a.tenant(name)
		id := newBench(a, tenant, "Coast", locations).reportedRun()
		tenants, viewers = append(tenants, tenant), append(viewers, a.join(tenant, name+"@example.com", store.Viewer))
		papers = append(papers, "/runs/"+id.String()+"/report")
	}
	const verification = "/api/v1/audit/verification"
	refused := func(who int, path string) {
		t.Helper()
		got := viewers[who].want(503, viewers[who].call("GET", path, nil))
		entries := a.ofRequest(got.Header.Get("X-Request-Id"), tenants[who])
		if got.Header.Get("Retry-After") != "5" || len(entries) != 1 || entries[0].Reason != "busy" {
			t.Errorf("%s: Retry-After %q, entries %+v", path, got.Header.Get("Retry-After"), entries)
		}
	}
	answers := make(chan answer)
	begin := func(who int, prefix string) {
		go func() { answers <- viewers[who].call("GET", prefix+papers[who], nil) }()
		<-held.begun
	}
	begin(0, "/api/v1")
	for _, path := range []string{"/api/v1" + papers[0], papers[0], verification, "/api/v1/ledger/verification"} {
		refused(0, path)
	}
	viewers[1].want(200, viewers[1].call("GET", verification, nil))
	begin(1, "")
	refused(2, verification)
	close(held.goOn)
	for range 2 {
		if got := <-answers; got.Status != 200 {
			t.Errorf("a report that was let in: %s", got)
		}
	}
	for _, p := range viewers {
		p.want(200, p.call("GET", verification, nil))
	}
}
