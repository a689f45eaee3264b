package workspace

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/storetest"
)

var update = flag.Bool("update", false, "write the goldens of record formats; for a new schema only")

// golden is a record of every kind with every field set.
func golden() map[string]any {
	at := time.Date(2026, 6, 1, 12, 0, 0, 5e6, time.UTC)
	id := func(b byte) store.ID { return store.ID{b, 15: b} }
	digest := func(b byte) ledger.Digest { return ledger.Digest{b, 31: b} }
	file := func(name, role string) File {
		return File{name, role, digest(7), Blob{ledger.ID{1, 15: 2}, 300, 120, digest(8)}}
	}
	_, chain, err := egress.Chain{}.Next(egress.Entry{})
	if err != nil {
		panic("workspace: " + err.Error())
	}
	line, _, err := chain.Next(egress.Entry{Time: "2026-06-01T12:00:00.005Z", Kind: egress.KindOutcome, ID: "1", Purpose: "GetDevice", Destination: "example.com:443", Bytes: []byte("x"), Failure: "none"})
	if err != nil {
		panic("workspace: " + err.Error())
	}
	large := file("", "").Blob
	exchange := egressEntry{Blob: &large}
	if err := json.Unmarshal(line, &exchange.Entry); err != nil {
		panic("workspace: " + err.Error())
	}
	share := func(key string) []Share { return []Share{{key, 2, 7e5}} }
	sent := delivery{id(6), Event{id(5), ApprovalDecided, at, id(9), id(3), "approved", 1}, Undelivered, at, at, 2, at, &at, 500, "no answer"}
	latest := Portfolio{3, "Coastal book", digest(1), 2, 1, 7e5, "USD", []File{file("l.csv", "location"), file("a.csv", "account")}, at, id(1), &Summary{
		share("building"), share("Lee"), share("5204"), share("1050"), share("1995-2001"), share("HO"), 2, 1, 3,
	}}
	estimate, limit := id(7), int64(5e8)
	return map[string]any{
		"portfolios":         latest,
		"portfolio-versions": earlierVersion{id(2), latest},
		"models":             Model{digest(2), "0.1.0", at, id(1)},
		"runs": Run{Done, "Baseline", "for the renewal", id(2), 2, digest(1), digest(2), engine.Spec{
			Years: 100, Samples: 5, Seed: 1<<64 - 1, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{10, 100}, Without: []string{"group"},
			Scenario: &hazard.Event{ID: 1, Name: "IAN 2022", Points: []hazard.Point{{Hour: 1}}, Landfalls: []hazard.Landfall{{Region: "SW"}}},
		}, at, id(1), &at, &at, "worker", &at, 2, "why", SealPending},
		"results":   Result{[]File{file("elt.csv", "table")}},
		"approvals": Approval{OfPortfolio, id(3), digest(3), 2, id(1), at, "please", Approved, id(4), &at, "because"},
		"estimates": Estimate{Answered, id(3), "gross_oep_100", "arn:example:device", 1000, at, id(1), &at, []string{"task"}, "why", []File{file("circuits.json", "circuits")}},
		"egress":    exchange,
		"seals":     Seal{digest(5), digest(6), at, id(1), []byte("{}")},
		"workloads": workload{at, []openRun{{id(3), Queued}}, 2, 1 << 30},
		"quotas":    Quotas{20, 2, 100, 1 << 33},
		"blocks":    blockSet{digest(4), []block{{3, file("", "").Blob}}},

		"device-jobs": DeviceJob{
			id(3), "gross-oep/exceedance/100", "arn:example:device", 3000, digest(9), DeviceExpectation{1, 0.5, 2}, DeviceSubmitted, at, id(1), &estimate, json.RawMessage(`{}`), []byte{1},
			&DeviceQuote{"ab", 1, 6, at}, &DeviceConfirmation{"ab", 1, id(1), at}, true, 2, 3, json.RawMessage(`{}`),
		},
		"device-settings": DeviceSettings{&limit, []TrustedRelay{{"harbour", "ed25519:AAAA"}}, "ed25519:AAAA"},
		"device-keys":     deviceKeys{[]byte{1}, []byte{2}},

		"refused-imports": RefusedImport{"Inland book", 3, []File{file("report.json", "report")}, at, id(1)},
		"webhooks":        webhook{"Renewals", "https://hooks.example.com/qrsd", []EventKind{RunDone}, true, "whsec_two", "whsec_one", &at, at, at, id(1)},
		"deliveries":      sent,
		"past-deliveries": sent,
	}
}

// schemas are the schema numbers of those that are not in their first.
func schemas() map[string]int { return map[string]int{"portfolios": 3, "runs": 3, "approvals": 2} }

// TestEarlierSchemas puts the goldens of earlier schemas into a store, as an earlier version of qrsd has written them, and reads them through
// the verbs: a portfolio is in its first version then, and a run is of that; which version an approval is of is not known.
func TestEarlierSchemas(t *testing.T) {
	text := func(name string, schema int) json.RawMessage {
		t.Helper()
		old, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("%s.%d.json", name, schema)))
		if err != nil {
			t.Fatal(err)
		}
		return old
	}
	as := func(name string, schema uint16) store.Collection[json.RawMessage] {
		var upgrades []store.Upgrade
		for from := uint16(1); from < schema; from++ {
			upgrades = append(upgrades, store.Upgrade{From: from, Do: nothingMissing})
		}
		return store.Define[json.RawMessage](name, schema, upgrades...)
	}
	db := storetest.New(t, store.Options{})
	tenant := storetest.AddTenant(t, db, "Example Mutual")
	h, err := db.Tenant(t.Context(), storetest.User(tenant, store.Admin), tenant)
	if err != nil {
		t.Fatal(err)
	}
	w := Open(h)
	asked := store.ID{9}
	err = h.Update(t.Context(), store.Action{Verb: rights.TenantChange}, func(tx *store.WriteTx) error {
		return as("approvals", 1).Insert(tx, asked, text("approvals", 1))
	})
	if err != nil {
		t.Fatal(err)
	}
	of := golden()["approvals"].(Approval)
	of.Kind, of.PortfolioVersion = OfRun, 0
	if r, err := w.Approval(t.Context(), asked); err != nil || !reflect.DeepEqual(r.Value, of) {
		t.Errorf("an approval of schema 1 reads as %+v, %v", r, err)
	}
	for schema := 1; schema <= 2; schema++ {
		portfolio, run := store.ID{byte(schema)}, store.ID{byte(schema), 1}
		err := h.Update(t.Context(), store.Action{Verb: rights.TenantChange}, func(tx *store.WriteTx) error {
			return errors.Join(as("portfolios", uint16(schema)).Insert(tx, portfolio, text("portfolios", schema)), as("runs", uint16(schema)).Insert(tx, run, text("runs", schema)))
		})
		if err != nil {
			t.Fatal(err)
		}
		want, wanted := golden()["portfolios"].(Portfolio), golden()["runs"].(Run)
		want.Number, wanted.PortfolioVersion = 1, 1
		if schema == 1 {
			want.Summary, wanted.Name, wanted.Note = nil, "", ""
		}
		if p, err := w.PortfolioVersion(t.Context(), portfolio, 0); err != nil || !reflect.DeepEqual(p.Value, want) {
			t.Errorf("a portfolio of schema %d reads as %+v, %v", schema, p, err)
		}
		if all, err := w.PortfolioVersions(t.Context(), portfolio, 0, 10); err != nil || !reflect.DeepEqual(all, []Portfolio{want}) {
			t.Errorf("the versions of a portfolio of schema %d are %+v, %v", schema, all, err)
		}
		if r, err := w.Run(t.Context(), run); err != nil || !reflect.DeepEqual(r.Value, wanted) {
			t.Errorf("a run of schema %d reads as %+v, %v", schema, r, err)
		}
		next := NewPortfolio{Name: "Next", Locations: 1, Files: []NewFile{{Name: "l.csv", Role: "location", Open: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("LocNumber")), nil
		}}}}
		if made, err := w.ImportVersion(t.Context(), portfolio, 0, next); err != nil || made.Number != 2 {
			t.Errorf("the next version of a portfolio of schema %d is %+v, %v", schema, made, err)
		}
		if p, err := w.PortfolioVersion(t.Context(), portfolio, 1); err != nil || !reflect.DeepEqual(p.Value, want) {
			t.Errorf("behind a next version, a portfolio of schema %d reads as %+v, %v", schema, p, err)
		}
	}
}

// TestRecordFormats holds the JSON of every persisted record to testdata. These files are what users have on disk. Do not change
// them to fix a build: give the collection its next schema and an upgrade, and add a file.
func TestRecordFormats(t *testing.T) {
	for name, value := range golden() {
		noneIsZero(t, name, reflect.ValueOf(value))
		got, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		path := filepath.Join("testdata", fmt.Sprintf("%s.%d.json", name, max(schemas()[name], 1)))
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is written as\n%swant\n%s", path, got, want)
		}
		back := reflect.New(reflect.TypeOf(value))
		strict := json.NewDecoder(bytes.NewReader(want))
		strict.DisallowUnknownFields()
		if err := strict.Decode(back.Interface()); err != nil || !reflect.DeepEqual(back.Elem().Interface(), value) {
			t.Errorf("%s reads as %+v, %v", path, back.Elem(), err)
		}
	}
	files, err := filepath.Glob("testdata/*.json")
	earlier := 0
	for _, schema := range schemas() {
		earlier += schema - 1
	}
	if err != nil || len(files) != len(golden())+earlier {
		t.Errorf("%d files for %d records (%v)", len(files), len(golden()), err)
	}
}

// noneIsZero holds the goldens to records with every field of theirs set, so that a new field shows.
func noneIsZero(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s: the golden leaves %s out", name, v.Type().Field(i).Name)
		}
	}
}

// TestChangedBehindTheVerbs changes records as no verb does. A decision still sees that the object is not what was requested, a
// record of what left that was changed is named by its line, and nothing more can be added to it.
func TestChangedBehindTheVerbs(t *testing.T) {
	db := storetest.New(t, store.Options{})
	tenant := storetest.AddTenant(t, db, "Example Mutual")
	open := func() *Workspace {
		h, err := db.Tenant(t.Context(), storetest.User(tenant, store.Admin), tenant)
		if err != nil {
			t.Fatal(err)
		}
		return Open(h)
	}
	w := open()
	behind := func(fn func(*store.WriteTx) error) {
		t.Helper()
		if err := w.tenant.Update(t.Context(), store.Action{Verb: rights.TenantChange}, fn); err != nil {
			t.Fatal(err)
		}
	}
	object := store.ID{1}
	behind(func(tx *store.WriteTx) error { return portfolios.Insert(tx, object, Portfolio{Name: "P"}) })
	request, err := w.RequestApproval(t.Context(), OfPortfolio, object, "")
	if err != nil {
		t.Fatal(err)
	}
	behind(func(tx *store.WriteTx) error {
		_, err := portfolios.Put(tx, store.Record[Portfolio]{ID: object, Version: 1, Value: Portfolio{Name: "Q"}})
		return err
	})
	other := open()
	for range 2 {
		if err := other.Decide(t.Context(), request, true, ""); !errors.Is(err, ErrVoid) {
			t.Errorf("decision on what was changed: %v", err)
		}
	}
	if _, err := w.RequestApproval(t.Context(), OfPortfolio, object, ""); err != nil {
		t.Errorf("requested again: %v", err)
	}

	behind(func(tx *store.WriteTx) error { return estimates.Insert(tx, object, Estimate{State: Submitted}) })
	j, err := w.Journal(t.Context(), object)
	if err != nil {
		t.Fatal(err)
	}
	late, err := other.Journal(t.Context(), object)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := j.Begin(t.Context(), egress.Record{Purpose: "GetDevice"}); err != nil {
			t.Fatal(err)
		}
	}
	behind(func(tx *store.WriteTx) error {
		page, err := exchanges.List(tx, "", 2)
		if err != nil {
			return err
		}
		page.Records[1].Value.Entry.Purpose = "SetDevice"
		_, err = exchanges.Put(tx, page.Records[1])
		return err
	})
	var broken *egress.BrokenError
	if _, err := w.Egress(t.Context(), nil); !errors.As(err, &broken) || broken.Line != 2 {
		t.Errorf("a changed record: %v", err)
	}
	if _, err := other.Journal(t.Context(), object); !errors.As(err, &broken) || !strings.Contains(err.Error(), "nothing is sent beside it") {
		t.Errorf("opening a changed record: %v", err)
	}
	if _, err := late.Begin(t.Context(), egress.Record{}); !errors.As(err, &broken) || broken.Line != 2 {
		t.Errorf("entry behind a changed record: %v", err)
	}
}
