// Command reference is the reference run without the rest of qrsd: engine, tables and estimate, and no server, store or service. TestReferenceRun
// builds it in the ways that take long to build, for another processor, with the race detector, and holds what it says to the golden of
// the program itself.
//
//	reference run --location L.csv --account A.csv --years N --samples S --seed K -o DIR [--workers N]
//
// It writes DIR/manifest.json with the digests alone.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/cmd/internal/runestimate"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// qubits are the default of qrsd run.
const qubits = 8

func main() {
	if err := run(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	spec := engine.Spec{Correlation: loss.DefaultCorrelation(), ReturnPeriods: metrics.DefaultReturnPeriods()}
	flags := flag.NewFlagSet("run", flag.ExitOnError)
	location, account := flags.String("location", "", ""), flags.String("account", "", "")
	flags.IntVar(&spec.Years, "years", 0, "")
	flags.IntVar(&spec.Samples, "samples", 0, "")
	flags.Uint64Var(&spec.Seed, "seed", 0, "")
	out, workers := flags.String("o", "", ""), flags.Int("workers", 0, "")
	flags.Bool("json", false, "")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return err
	}
	portfolio, err := read(*location, *account, model.Ground)
	if err != nil {
		return err
	}
	if err := spec.Check(); err != nil {
		return err
	}
	result, err := engine.Run(context.Background(), model, portfolio, spec, engine.Options{Workers: *workers})
	if err != nil {
		return err
	}
	text, err := digests(model, portfolio, result)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(*out, "manifest.json"), text, 0o600)
}

func read(location, account string, ground *geography.Florida) (*exposure.Portfolio, error) {
	places, err := os.Open(location)
	if err != nil {
		return nil, err
	}
	defer places.Close()
	policies, err := os.Open(account)
	if err != nil {
		return nil, err
	}
	defer policies.Close()
	p, _, err := exposure.Read(exposure.CSV(location, places), exposure.CSV(account, policies), exposure.Options{Geocoder: geography.Geocoder{Florida: ground}})
	return p, err
}

// digests are those that the manifest of `qrsd run` has.
func digests(m *modelpack.Model, p *exposure.Portfolio, r *engine.Result) ([]byte, error) {
	tables := map[string]string{}
	for _, t := range results.Tables(r.Table, r.Report) {
		tables[t.Name] = fmt.Sprintf("sha256:%x", results.Digest(t))
	}
	report, err := runestimate.Report(context.Background(), r, p.Currency, qubits)
	if err != nil {
		return nil, err
	}
	estimate, err := runestimate.Text(report)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"engine": engine.Version, "model": m.Digest.String(), "portfolio": fmt.Sprintf("sha256:%x", p.Digest()), "digests": tables,
		"estimate": fmt.Sprintf("sha256:%x", sha256.Sum256(estimate)),
	})
}
