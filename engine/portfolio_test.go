package engine_test

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

var openFlorida = sync.OnceValues(func() (*modelpack.Model, error) { return modelpack.Florida(vulnerability.Options{}) })

// florida is the embedded model, opened once for all tests.
func florida(t testing.TB) *modelpack.Model {
	t.Helper()
	m, err := openFlorida()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sampleRows are the records of a file of the sample portfolio.
func sampleRows(t testing.TB, name string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "examples", "florida", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records
}

const accountColumn = 1 // AccNumber in both files

// sample is a small part of the sample portfolio: its first locations and the largest two accounts, with the
// accounts' rows. A source of randomness puts the rows of both files into another order.
func sample(t testing.TB, order *rand.Rand) *exposure.Portfolio {
	t.Helper()
	const first = 150
	locations, accounts := sampleRows(t, "location.csv"), sampleRows(t, "account.csv")
	chosen := map[string]bool{"A0004122": true, "A0001307": true}
	for _, l := range locations[1 : 1+first] {
		chosen[l[accountColumn]] = true
	}
	source := func(name string, records [][]string) *exposure.Source {
		kept := records[:1:1]
		for _, r := range records[1:] {
			if chosen[r[accountColumn]] {
				kept = append(kept, r)
			}
		}
		if order != nil {
			order.Shuffle(len(kept)-1, func(i, j int) { kept[i+1], kept[j+1] = kept[j+1], kept[i+1] })
		}
		var b bytes.Buffer
		if err := csv.NewWriter(&b).WriteAll(kept); err != nil {
			t.Fatal(err)
		}
		return exposure.CSV(name, strings.NewReader(b.String()))
	}
	p, _, err := exposure.Read(source("location.csv", locations), source("account.csv", accounts),
		exposure.Options{Geocoder: geography.Geocoder{Florida: florida(t).Ground}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Locations) < first+28 {
		t.Fatalf("%d locations; the sample portfolio has changed", len(p.Locations))
	}
	return p
}

// spec is a run that takes about a second on one core.
func spec() engine.Spec {
	return engine.Spec{Years: 300, Samples: 3, Seed: 1, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{10, 100}}
}

// scenario is a storm of the record.
func scenario(t testing.TB, id string) *hazard.Event {
	t.Helper()
	m := florida(t)
	for _, s := range m.Scenarios {
		if s.ID == id {
			e, err := hazard.FromTrack(s, m.Climate, m.Ground)
			if err != nil {
				t.Fatal(err)
			}
			return &e
		}
	}
	t.Fatalf("the model has no scenario %s", id)
	return nil
}

// digests are those of every result table, by name.
func digests(r *engine.Result) map[string]string {
	d := map[string]string{}
	for _, table := range results.Tables(r.Table, r.Report) {
		sum := results.Digest(table)
		d[table.Name] = hex.EncodeToString(sum[:])
	}
	return d
}
