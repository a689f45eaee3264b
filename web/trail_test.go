package web_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// walk follows next_cursor from the beginning to the end, calling between for each part but the last. The header leads to
// the same place.
func walk[T any](p *person, path string, between func()) (all []T) {
	p.Helper()
	at := path
	for range 1000 {
		r := p.want(200, p.call("GET", at, nil))
		var part wire.Page[T]
		r.into(p.TB, &part)
		all = append(all, part.Items...)
		link := r.Header.Get("Link")
		if part.NextCursor == "" {
			if link != "" {
				p.Fatalf("%s: no next_cursor, and Link %s", at, link)
			}
			return all
		}
		target, found := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
		u, err := url.Parse(target)
		p.must(err)
		if !found || u.Query().Get("cursor") != part.NextCursor || u.Path != strings.Split(path, "?")[0] {
			p.Fatalf("%s: next_cursor %q, and Link %s", at, part.NextCursor, link)
		}
		at = target
		between()
	}
	p.Fatalf("%s does not end", path)
	return nil
}

// once wants each of the keys at most once, and those of before all.
func once[T any](t testing.TB, what string, all []T, key func(T) string, before []string) {
	t.Helper()
	seen := map[string]int{}
	for _, one := range all {
		seen[key(one)]++
		if seen[key(one)] == 2 {
			t.Errorf("%s: %s came twice", what, key(one))
		}
	}
	for _, k := range before {
		if seen[k] == 0 {
			t.Errorf("%s: %s did not come", what, k)
		}
	}
}

// TestCursors walks every list that comes in parts while things are added to it, and finds everything that was there once.
func TestCursors(t *testing.T) {
	a := equipped(t)
	tenant := a.tenant("Example Mutual")
	a.lineage(tenant, 7)
	admin := a.join(tenant, "admin@example.com", store.Admin)
	operator := a.join(store.Appliance, "operator@example.com", store.Operator)
	n := 0
	add := func() {
		n++
		u := wire.NewUser{Email: fmt.Sprintf("user%d@example.com", n), Name: "N. N.", Role: "viewer"}
		admin.want(201, admin.call("POST", "/api/v1/invitations", u))
		a.lineage(tenant, 1)
	}
	for range 6 {
		add()
	}
	users := keysOf(walk[wire.User](admin, "/api/v1/users?limit=1000", nil), func(u wire.User) string { return u.ID })
	once(t, "users", walk[wire.User](admin, "/api/v1/users?limit=3", add), func(u wire.User) string { return u.ID }, users)
	notices := keysOf(walk[wire.Notice](admin, "/api/v1/outbox?limit=1000", nil), func(n wire.Notice) string { return n.ID })
	once(t, "outbox", walk[wire.Notice](admin, "/api/v1/outbox?limit=2", add), func(n wire.Notice) string { return n.ID }, notices)
	leaf := func(l wire.LedgerEntry) string { return fmt.Sprint(l.Sequence) }
	leaves := keysOf(walk[wire.LedgerEntry](admin, "/api/v1/ledger/entries?limit=1000", nil), leaf)
	once(t, "ledger", walk[wire.LedgerEntry](admin, "/api/v1/ledger/entries?limit=4", add), leaf, leaves)
	connection := func(c wire.Connection) string { return c.ID }
	once(t, "connections", walk[wire.Connection](operator, "/api/v1/system/connections?limit=1", func() {}), connection, []string{"1", "2"})

	entry := func(e wire.AuditEntry) string { return fmt.Sprint(e.Sequence) }
	entries := keysOf(walk[wire.AuditEntry](admin, "/api/v1/audit/entries?limit=1000", nil), entry)
	for _, order := range []string{"oldest", "newest"} {
		all := walk[wire.AuditEntry](admin, "/api/v1/audit/entries?limit=9&order="+order, add)
		once(t, "audit, "+order, all, entry, entries)
		for i := 1; i < len(all); i++ {
			if forward := all[i].Sequence > all[i-1].Sequence; forward != (order == "oldest") {
				t.Fatalf("audit, %s: entry %d after %d", order, all[i].Sequence, all[i-1].Sequence)
			}
		}
	}
	for _, bad := range []string{"?limit=0", "?limit=1001", "?limit=x", "?cursor=x", "?cursor=bjA", "?cursor=" + base64.RawURLEncoding.EncodeToString([]byte("n-1"))} {
		for _, list := range []string{"/api/v1/users", "/api/v1/audit/entries", "/api/v1/ledger/entries", "/api/v1/outbox"} {
			if r := admin.call("GET", list+bad, nil); r.Status != 400 && !(bad == "?cursor=bjA" && r.Status == 200) {
				t.Errorf("%s%s: %s", list, bad, r)
			}
		}
	}
}

func keysOf[T any](all []T, key func(T) string) (keys []string) {
	for _, one := range all {
		keys = append(keys, key(one))
	}
	return keys
}

// TestAuditFilters asks for entries by each filter, and finds those and no others.
func TestAuditFilters(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	admin, viewer := a.join(tenant, "admin@example.com", store.Admin), a.join(tenant, "viewer@example.com", store.Viewer)
	viewer.want(403, viewer.call("GET", "/api/v1/users", nil))
	from := a.clock.now().UTC().Format(time.RFC3339Nano)
	viewer.want(200, viewer.call("GET", "/api/v1/policy", nil))
	admin.want(404, admin.call("GET", "/api/v1/users/"+tenant.String(), nil))
	for query, fits := range map[string]func(wire.AuditEntry) bool{
		"actor=" + viewer.id.String():                    func(e wire.AuditEntry) bool { return e.Actor == viewer.id.String() },
		"action=user":                                    func(e wire.AuditEntry) bool { return strings.HasPrefix(e.Action, "user.") },
		"action=tenant.read&actor=" + viewer.id.String(): func(e wire.AuditEntry) bool { return e.Action == "tenant.read" && e.Person.UserAgent != "" },
		"outcome=denied":                                 func(e wire.AuditEntry) bool { return e.Outcome == "denied" && e.Reason == "role" },
		"outcome=failed&object=" + tenant.String():       func(e wire.AuditEntry) bool { return e.Object == tenant.String() && e.Reason == "not found" },
		"from=" + url.QueryEscape(from):                  func(e wire.AuditEntry) bool { return !e.Time.Before(mustTime(t, from)) },
		"to=" + url.QueryEscape(from):                    func(e wire.AuditEntry) bool { return e.Time.Before(mustTime(t, from)) },
	} {
		found := walk[wire.AuditEntry](admin, "/audit/trail?limit=1000&"+query, nil)
		if len(found) == 0 {
			t.Errorf("%s: nothing", query)
		}
		for _, e := range found {
			if !fits(e) {
				t.Errorf("%s: %+v", query, e)
			}
		}
	}
	for _, bad := range []string{"outcome=gone", "order=last", "from=yesterday", "object=x", "actor=a&actor=b", "user=x"} {
		admin.want(400, admin.call("GET", "/api/v1/audit/entries?"+bad, nil)).problem(t)
	}
}

func mustTime(t testing.TB, text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestExports takes both logs out of the appliance and verifies them with nothing but the keys of an earlier checkpoint; a
// changed byte, or a missing line, does not verify.
func TestExports(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	a.lineage(tenant, 5)
	approver := a.join(tenant, "approver@example.com", store.Approver)
	operator := a.join(store.Appliance, "operator@example.com", store.Operator)
	for _, c := range []struct {
		p                  *person
		checkpoint, export string
	}{
		{approver, "/api/v1/audit/checkpoint", "/api/v1/audit/export"},
		{approver, "/api/v1/audit/checkpoint", "/audit/trail/export"},
		{approver, "/api/v1/ledger/checkpoint", "/api/v1/ledger/export"},
		{operator, "/api/v1/audit/checkpoint", "/api/v1/audit/export"},
	} {
		var head wire.Checkpoint
		c.p.want(200, c.p.call("GET", c.checkpoint, nil)).into(t, &head)
		trusted, err := ledger.ParseKeys(strings.Join(head.Keys, "\n"))
		a.must(err)
		earlier, err := ledger.OpenCheckpoint([]byte(head.Checkpoint), trusted)
		a.must(err)
		r := c.p.want(200, c.p.call("GET", c.export, nil))
		verify := func(text []byte) (ledger.Report, error) { return ledger.VerifyExport(bytes.NewReader(text), trusted) }
		report, err := verify(r.Body)
		if err != nil || !report.Trusted || !report.Complete || report.Checkpoint.Size < earlier.Size || report.Checkpoint.Origin != earlier.Origin {
			t.Errorf("%s: %+v, %v", c.export, report, err)
		}
		if got := r.Header.Get("Content-Type"); got != "application/jsonl" || !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: headers %v", c.export, r.Header)
		}
		wantBroken(t, r.Body, verify)
	}
}

// wantBroken changes an export in ways that its verifier must find.
func wantBroken(t testing.TB, whole []byte, verify func([]byte) (ledger.Report, error)) {
	t.Helper()
	lines := bytes.SplitAfter(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n"))
	for what, changed := range map[string][]byte{
		"a line less":    bytes.Join(append(append([][]byte{}, lines[:2]...), lines[3:]...), nil),
		"without an end": bytes.Join(lines[:len(lines)-1], nil),
		"another word":   bytes.Replace(whole, []byte(`"sequence":2`), []byte(`"sequence":3`), 1),
	} {
		if report, err := verify(changed); err == nil && report.Complete {
			t.Errorf("an export with %s verifies: %+v", what, report)
		}
	}
}

// TestProofs verifies with package ledger what the API says of a leaf, and of the growth of a log.
func TestProofs(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	a.lineage(tenant, 9)
	admin := a.join(tenant, "admin@example.com", store.Admin)
	for _, log := range []string{"audit", "ledger"} {
		var head wire.Checkpoint
		admin.want(200, admin.call("GET", "/api/v1/"+log+"/checkpoint", nil)).into(t, &head)
		trusted, err := ledger.ParseKeys(strings.Join(head.Keys, "\n"))
		a.must(err)
		for _, sequence := range []int64{0, 5} {
			var p wire.Proof
			admin.want(200, admin.call("GET", fmt.Sprintf("/api/v1/%s/entries/%d/proof", log, sequence), nil)).into(t, &p)
			signed, err := ledger.OpenCheckpoint([]byte(p.Checkpoint), trusted)
			a.must(err)
			if signed.Size != p.Size || signed.Root != hash(t, p.Root) || p.Sequence != sequence {
				t.Errorf("%s: proof %+v against %+v", log, p, signed)
			}
			a.must(ledger.CheckInclusion(hashes(t, p.Path), p.Size, hash(t, p.Root), p.Sequence, hash(t, p.Leaf)))
			if ledger.CheckInclusion(hashes(t, p.Path), p.Size, hash(t, p.Root), p.Sequence+1, hash(t, p.Leaf)) == nil {
				t.Errorf("%s: the proof of %d is one of the next too", log, sequence)
			}
		}
		admin.want(404, admin.call("GET", "/api/v1/"+log+"/entries/100000/proof", nil))
		admin.want(404, admin.call("GET", "/api/v1/"+log+"/entries/-1/proof", nil))
	}
	var g wire.Growth
	admin.want(200, admin.call("GET", "/api/v1/audit/consistency?earlier=3", nil)).into(t, &g)
	a.must(ledger.CheckConsistency(hashes(t, g.Path), g.Size, hash(t, g.Root), g.Earlier, hash(t, g.EarlierRoot)))
	admin.want(400, admin.call("GET", "/api/v1/audit/consistency", nil))
	admin.want(404, admin.call("GET", "/api/v1/audit/consistency?earlier=100000", nil))

	leaves := walk[wire.LedgerEntry](admin, "/api/v1/ledger/entries", nil)
	for _, l := range leaves {
		lineage, err := ledger.ParseLineage(l.Lineage)
		if err != nil || lineage.Kind != ledger.ExposureImported {
			t.Errorf("leaf %d: %s: %v", l.Sequence, l.Lineage, err)
		}
	}
}

// hash reads a hash as JSON has it.
func hash(t testing.TB, text string) (h ledger.Hash) {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err == nil {
		err = json.Unmarshal(quoted, &h)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hashes(t testing.TB, texts []string) (all []ledger.Hash) {
	t.Helper()
	for _, text := range texts {
		all = append(all, hash(t, text))
	}
	return all
}

// TestExportIsCutOff hangs up in the middle of an export. The server goes on, and what was asked for is in the log.
func TestExportIsCutOff(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	admin := a.join(tenant, "admin@example.com", store.Admin)
	for range 400 {
		admin.want(200, admin.call("GET", "/api/v1/policy", nil))
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+host+"/api/v1/audit/export", nil)
	a.must(err)
	r.Header.Set("Cookie", "__Host-qrsd="+admin.cookie)
	got, err := admin.client.Do(r)
	a.must(err)
	_, err = got.Body.Read(make([]byte, 100))
	a.must(err)
	request := got.Header.Get("X-Request-Id")
	a.must(got.Body.Close())
	admin.client.CloseIdleConnections()
	for range 1000 {
		if found := a.ofRequest(request, tenant); len(found) == 1 {
			if found[0].Action != "audit.export" {
				t.Errorf("entered as %+v", found[0].Entry)
			}
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the export that was cut off left no entry")
}

// FuzzCursor reads anything as a cursor: it is refused, or is the one that its number writes, and never beyond what a log can hold.
func FuzzCursor(f *testing.F) {
	for _, cursor := range []string{"", "x", "bjA", web.NumberCursor(1 << 40), web.NumberCursor(1 << 60), "bi0x", "bjAwMQ"} {
		f.Add(cursor)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		n, err := web.ReadNumber(cursor)
		if err == nil && (web.NumberCursor(n) != cursor || n >= ledger.MaxSize) {
			t.Errorf("%q is read as %d, which is written %q", cursor, n, web.NumberCursor(n))
		}
	})
}

// BenchmarkAuditTrail reads a log of 2,000 entries over TLS: in parts of a hundred, and as an export with its proofs.
func BenchmarkAuditTrail(b *testing.B) {
	a := start(b, unlimited)
	tenant := a.tenant("Example Mutual")
	admin := a.join(tenant, "admin@example.com", store.Admin)
	for range 2000 {
		admin.want(200, admin.call("GET", "/api/v1/policy", nil))
	}
	for _, c := range []struct{ name, path string }{{"page", "/api/v1/audit/entries?limit=100"}, {"export", "/api/v1/audit/export"}} {
		b.Run(c.name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				size = len(admin.want(200, admin.call("GET", c.path, nil)).Body)
			}
			b.ReportMetric(float64(size), "bytes/reply")
		})
	}
}
