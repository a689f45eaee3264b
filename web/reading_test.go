package web_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// theTrust is what an appliance says of itself.
type theTrust struct{}

func (theTrust) Controls(context.Context) (wire.TrustControls, error) {
	at := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	return wire.TrustControls{
		At: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), Done: 1, Planned: 1, Lapsed: 1,
		Items: []wire.Control{
			{ID: "tls", Domain: "Transport", Title: "TLS 1.3 alone", Says: "The one port takes TLS 1.3.", Status: "done", Since: "2026-11-22", Owner: "operator",
				Evidence: []wire.Evidence{{Kind: "address", At: "/.well-known/qrsd-keys.json"}, {Kind: "test", At: "web/tls_test.go TestTLSProtocols"}}, Seen: &wire.Seen{Holds: true, Says: "the configuration has no other version"}},
			{ID: "drill", Domain: "Service", Title: "Backups are restored for trial", Says: "Every month.", Status: "lapsed", Since: "2026-11-22", Owner: "operator",
				Evidence: []wire.Evidence{{Kind: "document", At: "docs/store.md Check"}}, Seen: &wire.Seen{Says: "restored; that is 41 days ago", At: &at}},
			{ID: "signoff", Domain: "Service", Title: "Signed off", Says: "By a laboratory.", Status: "planned", Since: "2026-11-22", Owner: "model governance", Evidence: []wire.Evidence{}},
		},
		NotClaimed: []wire.NotClaimed{{Name: "SOC 2", Why: "No auditor has reported."}},
	}, nil
}

func (theTrust) Destinations(context.Context) (wire.TrustDestinations, error) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	return wire.TrustDestinations{Mode: "hybrid", RecordedTo: &at, Items: []wire.TrustDestination{
		{Purpose: "circuits", Name: "Quantum hardware", Party: "Amazon Web Services", For: "Estimates on a device.", Sends: "Circuits.", Region: "of the device", Setting: "outbound.destination", On: true,
			Hosts: []string{"braket.inner.example.com:443"}, Last: &wire.LastUse{At: at, Outcome: "opened", Opened: 2, Sent: 12345}},
		{Purpose: "e-mail", Name: "Mail server", Party: "yours", For: "Letters.", Sends: "Names and addresses.", Region: "yours", Setting: "smtp", Hosts: []string{}},
	}}, nil
}

// trusting is an appliance with a trust center, which strangers may read or not.
func trusting(public bool) setting {
	return func(o *web.Options, _ *directory.Options) {
		o.Trust, o.Models, o.PublicTrust = theTrust{}, theCard{}, public
	}
}

// TestTrustCenter: who is signed in reads it and leaves one entry; strangers read it where it is published, without hosts, and leave none.
func TestTrustCenter(t *testing.T) {
	for _, public := range []bool{false, true} {
		a := start(t, unlimited, trusting(public))
		tenant := a.tenant("Gulf Mutual")
		viewer, operator := a.join(tenant, "viewer@example.com", store.Viewer), a.join(store.Appliance, "operator@example.com", store.Operator)
		for _, path := range []string{"/trust", "/api/v1/trust/controls", "/api/v1/trust/destinations"} {
			for _, p := range []*person{viewer, operator} {
				got := p.want(200, p.call("GET", path, nil))
				if n := len(a.ofRequest(got.Header.Get("X-Request-Id"), tenant)); n != 1 {
					t.Errorf("%s left %d entries", path, n)
				}
				named := bytes.Contains(got.Body, []byte("braket.inner.example.com:443"))
				if !strings.Contains(path, "controls") && named != (p == operator) {
					t.Errorf("%s names the host: %v", path, named)
				}
				if used := bytes.Contains(got.Body, []byte("12345")) || bytes.Contains(got.Body, []byte("2 opened in all, 12,345 bytes")); !strings.Contains(path, "controls") && !used {
					t.Errorf("%s does not say how it was used", path)
				}
			}
			got := a.stranger().call("GET", path, nil)
			switch {
			case public && (got.Status != 200 || toldTooMuch(got.Body) || len(a.ofRequest(got.Header.Get("X-Request-Id"), tenant)) != 0):
				t.Errorf("%s, published, to strangers: %s", path, got)
			case !public && got.Status != 401 && got.Status != 303:
				t.Errorf("%s to strangers: %d", path, got.Status)
			}
		}
		expired := a.stranger()
		expired.cookie = strings.Repeat("A", 43)
		if got := expired.call("GET", "/api/v1/trust/controls", nil); got.Status != 401 {
			t.Errorf("a session that is none: %d", got.Status)
		}
		if public {
			a.want(t, "/trust", "TLS 1.3 alone", "lapsed", "it does not hold here", "Not claimed", "No auditor has reported.", "in force")
		}
	}
}

// toldTooMuch reports whether strangers read of hosts, of what went there and when, or of what was seen of a control and when.
func toldTooMuch(body []byte) bool {
	for _, text := range []string{"inner.example.com", "12345", "12,345", "2026-11-20", "opened", "41 days", "2026-11-01", "never"} {
		if bytes.Contains(body, []byte(text)) {
			return true
		}
	}
	return false
}

// want wants texts on a page that strangers may read.
func (a *appliance) want(t *testing.T, path string, texts ...string) {
	t.Helper()
	body := string(a.stranger().want(200, a.stranger().call("GET", path, nil)).Body)
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("%s does not say %q", path, text)
		}
	}
}

// reportedRun is a run with a curve worth drawing, a quantum estimate and a seal.
func (b *bench) reportedRun() store.ID {
	b.Helper()
	id := b.submit(engine.Spec{Years: 2000, Samples: 2, Seed: 7, Correlation: loss.DefaultCorrelation()})
	build, err := json.Marshal(seal.BuildOf(nil, engine.Version))
	b.must(err)
	b.carryOut(id, wholeFile("build.json", workspace.RoleBuild, build), wholeFile("estimate.json", "estimate", anEstimate(b.TB)))
	_, err = b.Seal(b.Context(), id)
	b.must(err)
	return id
}

// TestRunReport: a report says what the API says of figures and seal; it is a draft until a second person approved the run as it is; on paper it is
// the same, to the byte for the same state.
func TestRunReport(t *testing.T) {
	a := start(t, unlimited, trusting(false))
	tenant := a.tenant("Gulf Mutual")
	viewer, modeler, admin := a.join(tenant, "viewer@example.com", store.Viewer), a.join(tenant, "modeler@example.com", store.Modeler), a.join(tenant, "admin@example.com", store.Admin)
	b := newBench(a, tenant, "Coast", locations)
	id := b.reportedRun()
	page, paper := "/runs/"+id.String()+"/report", "/api/v1/runs/"+id.String()+"/report"
	read := func() string {
		got := viewer.want(200, viewer.call("GET", page, nil))
		if n := len(a.ofRequest(got.Header.Get("X-Request-Id"), tenant)); n != 1 {
			t.Errorf("the page left %d entries", n)
		}
		return string(got.Body)
	}
	var curves wire.RunCurves
	viewer.want(200, viewer.call("GET", "/api/v1/runs/"+id.String()+"/curves", nil)).into(t, &curves)
	text, shown := read(), 0
	for _, c := range curves.Curves {
		for _, p := range c.Points {
			if p.Loss == nil {
				continue
			}
			shown++
			if want := ">" + grouped(*p.Loss) + "<"; !strings.Contains(text, want) {
				t.Errorf("%s %s 1 in %v: %s is not in the report", c.Perspective, c.Type, p.ReturnPeriod, want)
			}
		}
	}
	if shown < 20 {
		t.Errorf("%d figures", shown)
	}
	for _, want := range []string{`data-state="Draft"`, "approval was not requested", "✓ valid, checked for this report", "simulated on this host", "1,600,000", "leaf ", "qrs-replay recompute", `class="line oep"`, `class="mark"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	first := viewer.want(200, viewer.call("GET", paper, nil))
	if first.Header.Get("Content-Type") != "application/pdf" || !strings.Contains(first.Header.Get("Content-Disposition"), "-draft.pdf") {
		t.Errorf("%v", first.Header)
	}
	drawn := paperText(t, first.Body)
	for _, want := range []string{"Draft", "Exceedance curves", "Quantum estimate", "Verify it yourself", id.String()} {
		if !strings.Contains(drawn, want) {
			t.Errorf("the paper does not say %q", want)
		}
	}
	var asked wire.MadeApproval
	modeler.want(201, modeler.call("POST", "/api/v1/approvals", wire.NewApproval{Kind: "run", Object: id.String()})).into(t, &asked)
	if text := read(); !strings.Contains(text, "approval is requested, by N. N. on") || !strings.Contains(text, `data-state="Draft"`) {
		t.Error("a request is not said")
	}
	admin.want(204, admin.call("POST", "/api/v1/approvals/"+asked.ID+"/approve", wire.Reason{Reason: "it converges"}))
	if text := read(); !strings.Contains(text, `data-state="Approved"`) || !strings.Contains(text, "by N. N. on") || !strings.Contains(text, "requested by N. N.") || !strings.Contains(text, "it converges") {
		t.Error("the approval is not said")
	}
	if got := viewer.want(200, viewer.call("GET", paper, nil)); !strings.Contains(got.Header.Get("Content-Disposition"), "-approved.pdf") || !strings.Contains(paperText(t, got.Body), "Approved") {
		t.Error("the paper does not say that it is approved")
	}
	reader := a.keyOf(asker{person: modeler}, "the report alone", "run.report")
	if text := string(reader.want(200, reader.call("GET", page, nil)).Body); strings.Contains(text, "N. N.") || !strings.Contains(text, "requested by "+modeler.id.String()) {
		t.Error("a key that may not list people has their names, or no ids of theirs")
	}
	waiting := b.submit(smallSpec())
	viewer.want(409, viewer.call("GET", "/api/v1/runs/"+waiting.String()+"/report", nil))
	unsealed := b.submit(smallSpec())
	b.carryOut(unsealed)
	got := string(viewer.want(200, viewer.call("GET", "/runs/"+unsealed.String()+"/report", nil)).Body)
	if !strings.Contains(got, "none yet") || !strings.Contains(got, "Not run. The classical results are complete without it.") {
		t.Error("what is missing is not said")
	}
	viewer.want(200, viewer.call("GET", "/api/v1/runs/"+unsealed.String()+"/report", nil))
}

// grouped writes an amount as the pages do.
func grouped(x float64) string {
	text := fmt.Sprintf("%.0f", x)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// paperText is the text of a PDF's pages, as far as it stands there in simple strings.
func paperText(t *testing.T, pdf []byte) string {
	t.Helper()
	if !bytes.HasPrefix(pdf, []byte("%PDF-1.")) {
		t.Fatalf("it begins with %.20q", pdf)
	}
	var out strings.Builder
	for rest := pdf; ; {
		_, after, found := bytes.Cut(rest, []byte("\nstream\n"))
		if !found {
			return out.String()
		}
		if z, err := zlib.NewReader(bytes.NewReader(after)); err == nil {
			_, _ = io.Copy(&out, z) // streams that are none end with an error, and say nothing
		}
		rest = after
	}
}

// TestReadingPagesInBrowser looks at the trust center, the model's card and a report as people do: light and dark, wide and narrow, without
// scripts and on paper.
func TestReadingPagesInBrowser(t *testing.T) {
	a := start(t, withPasskeys, unlimited, trusting(true))
	tenant := a.tenant("Gulf Coast Mutual")
	viewer := a.account(tenant, "viewer@example.com", store.Viewer)
	a.setUpBy("operator@example.com")
	bench := newBench(a, tenant, "Coast homeowners", locations)
	run := bench.reportedRun()
	b := a.browse()
	b.script(false)
	b.open("/trust")
	b.title("Trust center")
	b.look("trust-public")
	b.in(viewer.email, viewer.password, "")
	for _, p := range []struct{ path, name, title string }{
		{"/trust", "trust", "Trust center"},
		{"/models/present", "model-card", "Model card: Florida hurricane wind"},
		{"/runs/" + run.String() + "/report", "report", "Run report: Coast homeowners"},
	} {
		if status := b.open(p.path); status != 200 {
			t.Fatalf("%s: %d", p.path, status)
		}
		b.title(p.title)
		b.look(p.name)
		b.paper(p.name)
	}
	viewer.signIn()
	if folder := os.Getenv("SCREENSHOTS"); folder != "" {
		got := viewer.want(200, viewer.call("GET", "/api/v1/runs/"+run.String()+"/report", nil))
		a.must(os.WriteFile(filepath.Join(folder, "report-paper.pdf"), got.Body, 0o600))
	}
	links := b.texts(".state-line .button")
	if !slices.Equal(links, []string{"Open the run", "Download as PDF"}) {
		t.Errorf("links %q", links)
	}
	marks := read(b, chromedp.Evaluate[int](`document.querySelectorAll(".chart .mark").length`))
	if marks == 0 {
		t.Error("the chart has no marks")
	}
	if u, err := url.Parse(read(b, chromedp.Location())); err != nil || u.Path != "/runs/"+run.String()+"/report" {
		t.Errorf("at %v, %v", u, err)
	}
}

// TestUncountedPortfolio: a portfolio whose import counted no parts says so, and does not look as if it had none.
func TestUncountedPortfolio(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Gulf Mutual")
	viewer := a.join(tenant, "viewer@example.com", store.Viewer)
	b := newBench(a, tenant, "Coast", locations)
	var got wire.PortfolioSummary
	viewer.want(200, viewer.call("GET", "/api/v1/portfolios/"+b.portfolio.String()+"/summary", nil)).into(t, &got)
	if got.Locations != 3 || len(got.Counties) != 0 || !strings.Contains(got.Uncounted, "an earlier release of qrsd, or without the model; import the same files as its next version") {
		t.Errorf("%+v", got)
	}
}
