package web_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/results/parquet"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// theModel is opened once for all tests.
var theModel = sync.OnceValues(func() (*modelpack.Model, error) { return modelpack.Florida(vulnerability.Options{}) })

func modelWithout(without []string) (*modelpack.Model, error) {
	if len(without) == 0 {
		return theModel()
	}
	return modelpack.Florida(vulnerability.Options{Without: without})
}

// locations are insured places in two counties, two of them with a line of business of their own.
const locations = `PortNumber,AccNumber,LocNumber,CountryCode,AreaCode,PostalCode,OccupancyCode,ConstructionCode,YearBuilt,BuildingTIV,LocCurrency,LocPerilsCovered
Book,Home,1,US,FL,33139,1051,5100,1958,400000,USD,WTC
Book,Cabin,1,US,FL,33931,1051,5050,1975,300000,USD,WTC
Book,Tower,1,US,FL,33139,1051,5150,2005,900000,USD,WTC
`

// bench is a tenant's work, done as the appliance's queue does it: real exposure, real runs of the engine.
type bench struct {
	*appliance
	*workspace.Workspace
	exposure  *exposure.Portfolio
	portfolio store.ID
}

// newBench imports the locations as a portfolio of the tenant.
func newBench(a *appliance, tenant store.ID, name, csv string) *bench {
	a.Helper()
	model, err := theModel()
	a.must(err)
	read, _, err := exposure.Read(exposure.CSV("location.csv", strings.NewReader(csv)), nil, exposure.Options{Geocoder: geography.Geocoder{Florida: model.Ground}})
	a.must(err)
	t, err := a.db.Tenant(a.Context(), storetest.User(tenant, store.Modeler), tenant)
	a.must(err)
	b := &bench{appliance: a, Workspace: workspace.Open(t), exposure: read}
	tiv := 0.0
	for i := range read.Locations {
		for _, x := range read.Locations[i].TIV {
			tiv += x
		}
	}
	b.portfolio, err = b.Import(a.Context(), workspace.NewPortfolio{
		Name: name, Digest: read.Digest(), Locations: len(read.Locations), Accounts: len(read.Accounts), TIV: tiv, Currency: read.Currency,
		Files: []workspace.NewFile{wholeFile("location.csv", "location", []byte(csv))},
	})
	a.must(err)
	return b
}

func wholeFile(name, role string, content []byte) workspace.NewFile {
	return workspace.NewFile{Name: name, Role: role, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

// submit queues a run of the portfolio.
func (b *bench) submit(s engine.Spec) store.ID {
	b.Helper()
	model, err := theModel()
	b.must(err)
	id, err := b.Submit(b.Context(), workspace.NewRun{Portfolio: b.portfolio, Model: model.Digest, ModelVersion: engine.Version, Spec: s})
	b.must(err)
	return id
}

// carryOut claims a run that waits, computes it, and keeps what came out, which it returns, and other files.
func (b *bench) carryOut(id store.ID, others ...workspace.NewFile) *engine.Result {
	b.Helper()
	claimed, err := b.Claim(b.Context(), id, "test", time.Hour)
	b.must(err)
	model, err := theModel()
	b.must(err)
	result, err := engine.Run(context.Background(), model, b.exposure, claimed.Value.Spec, engine.Options{})
	b.must(err)
	files := append(tableFiles(b.TB, results.Tables(result.Table, result.Report)), wholeFile("manifest.json", "manifest", []byte("{}\n")))
	_, err = b.Finish(b.Context(), id, "test", append(files, others...))
	b.must(err)
	return result
}

// tableFiles are tables as the appliance keeps them.
func tableFiles(t testing.TB, tables []results.Table) (files []workspace.NewFile) {
	t.Helper()
	for _, table := range tables {
		for ending, write := range map[string]func(io.Writer, results.Table) error{".csv": results.WriteCSV, ".parquet": parquet.Write} {
			var content bytes.Buffer
			if err := write(&content, table); err != nil {
				t.Fatal(err)
			}
			f := wholeFile(table.Name+ending, "table", content.Bytes())
			f.Digest = results.Digest(table)
			files = append(files, f)
		}
	}
	return files
}
