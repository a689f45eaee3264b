package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/cmd/internal/runestimate"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
)

// recomputeCommand is `qrs-replay recompute`.
type recomputeCommand struct {
	Seal     string   `arg:"" name:"seal" help:"The run's seal."`
	Files    []string `arg:"" optional:"" name:"file" help:"Result tables as CSV: with them the first differing row and column is named."`
	Location string   `required:"" placeholder:"FILE" help:"OED location file, CSV."`
	Account  string   `placeholder:"FILE" help:"OED account file, CSV, if the run had one."`
	Keys     string   `placeholder:"FILE" help:"The appliance's published keys (JWK Set). Without it the signature is not verified."`
	Workers  int      `placeholder:"N" help:"Goroutines; default all cores. The result does not depend on it."`
	JSON     bool     `help:"Print the checks as JSON."`
}

// recomputeOutput is the result of recompute as JSON.
type recomputeOutput struct {
	Same       bool         `json:"same"`
	Verified   bool         `json:"verified"` // the seal, with keys that were given
	Checks     []seal.Check `json:"checks"`   // of the seal
	Recomputed []seal.Check `json:"recomputed"`
	Difference *difference  `json:"first_difference,omitempty"`
}

// Run carries out the command.
func (x *recomputeCommand) Run(ctx context.Context, c console) error {
	if err := x.check(); err != nil {
		return err
	}
	statement, checks, err := x.sealed()
	if err != nil {
		return err
	}
	out := recomputeOutput{Verified: x.Keys != "" && seal.AllOK(checks), Checks: checks}
	if seal.AllOK(checks) {
		fmt.Fprintln(c.err, "qrs-replay: recomputing; a run of 10,000 years takes about as long as it took then")
		out.Recomputed, out.Difference, err = x.replay(ctx, statement)
	}
	if err != nil {
		return err
	}
	out.Same = seal.AllOK(out.Recomputed) // none where the seal does not hold
	if err := x.print(c, out); err != nil || out.Same {
		return err
	}
	return errDiffer
}

func (x *recomputeCommand) check() error {
	for _, path := range []string{x.Location, x.Account} {
		if strings.HasSuffix(strings.ToLower(path), ".parquet") {
			return usage("%s: this program reads exposure as CSV, because the reader of Parquet links network code; give the CSV form of it", path)
		}
	}
	if x.Workers < 0 {
		return usage("workers %d: give 1 or more, or leave it out for all cores", x.Workers)
	}
	return nil
}

// sealed reads the seal and, with keys, verifies it.
func (x *recomputeCommand) sealed() (*seal.Statement, []seal.Check, error) {
	text, err := readUpTo(x.Seal, seal.MaxSeal)
	if err != nil {
		return nil, nil, err
	}
	files, err := digests(x.Files)
	if err != nil {
		return nil, nil, err
	}
	if x.Keys == "" {
		statement, checks := seal.Unsigned(text, files)
		return statement, checks, nil
	}
	keys, err := readKeys(x.Keys)
	if err != nil {
		return nil, nil, err
	}
	verdict := seal.Verify(text, keys, files)
	return verdict.Statement, verdict.Checks, nil
}

// replay executes the run and compares.
func (x *recomputeCommand) replay(ctx context.Context, s *seal.Statement) ([]seal.Check, *difference, error) {
	p := &s.Predicate
	spec, err := readSpec(p.Spec)
	if err != nil {
		return nil, nil, fmt.Errorf("the sealed spec: %w: use the qrs-replay of engine %s", err, clean(p.Build.Engine))
	}
	model, err := x.model(p, spec)
	if err != nil {
		return nil, nil, err
	}
	portfolio, err := x.portfolio(model.Ground)
	if err != nil {
		return nil, nil, err
	}
	checks := []seal.Check{compared("model", ledger.Digest(model.Digest), p.Model, true), compared("portfolio", portfolio.Digest(), p.Portfolio, true)}
	if !seal.AllOK(checks) {
		checks[1].Reason = "the exposure is not the one that was run: give the files of the run, the account file among them if there was one"
		return checks, nil, nil
	}
	result, err := engine.Run(ctx, model, portfolio, spec, engine.Options{Workers: x.Workers})
	if err != nil {
		return nil, nil, err
	}
	tables := results.Tables(result.Table, result.Report)
	checks = append(checks, compareTables(tables, p.Tables)...)
	estimate, err := compareEstimate(ctx, p.Estimate, result, portfolio.Currency)
	if err != nil {
		return nil, nil, err
	}
	checks = append(checks, estimate)
	first, err := firstDifference(tables, p.Tables, x.Files)
	return checks, first, err
}

// readSpec reads a sealed spec. Its seed is a number or, since a seed can have more digits than a JSON number keeps, its digits as a text.
func readSpec(text []byte) (engine.Spec, error) {
	var spec struct {
		engine.Spec
		Seed json.Number `json:"seed"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&spec); err != nil {
		return engine.Spec{}, err
	}
	seed, err := strconv.ParseUint(spec.Seed.String(), 10, 64)
	if err != nil {
		return engine.Spec{}, fmt.Errorf("seed: %w", err)
	}
	spec.Spec.Seed = seed
	return spec.Spec, nil
}

// model opens the pack in this program. A program of another engine or with another pack cannot say anything of the run.
func (x *recomputeCommand) model(p *seal.Predicate, spec engine.Spec) (*modelpack.Model, error) {
	if p.Build.Engine != engine.Version {
		return nil, fmt.Errorf("the run is of engine %s, this program of engine %s: use the qrs-replay of that release", clean(p.Build.Engine), engine.Version)
	}
	model, err := modelpack.Florida(vulnerability.Options{Without: spec.Without})
	if err != nil {
		return nil, fmt.Errorf("opening the model: %w", err)
	}
	if ledger.Digest(model.Digest) != p.Model {
		return nil, fmt.Errorf("the run is of model sha256:%s, this program has %s: use the qrs-replay of that release", p.Model, model.Digest)
	}
	return model, nil
}

func (x *recomputeCommand) portfolio(ground *geography.Florida) (*exposure.Portfolio, error) {
	location, err := open(x.Location)
	if err != nil {
		return nil, err
	}
	defer location.Close()
	var account *exposure.Source
	if x.Account != "" {
		file, err := open(x.Account)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		account = exposure.CSV(x.Account, file)
	}
	portfolio, _, err := exposure.Read(exposure.CSV(x.Location, location), account, exposure.Options{Geocoder: geography.Geocoder{Florida: ground}})
	return portfolio, err
}

// compared is a digest recomputed beside the sealed one; known: the seal has one.
func compared(name string, got, want ledger.Digest, known bool) seal.Check {
	c := seal.Check{Name: name, OK: known && got == want, Got: got.String(), Want: want.String()}
	switch {
	case !known:
		c.Want, c.Reason = "none", "the seal speaks of none"
	case !c.OK:
		c.Reason = "recomputed it has another digest"
	}
	return c
}

func compareTables(tables []results.Table, sealed map[string]ledger.Digest) (checks []seal.Check) {
	made := map[string]bool{}
	for _, t := range tables {
		made[t.Name] = true
		want, known := sealed[t.Name]
		checks = append(checks, compared("table "+t.Name, results.Digest(t), want, known))
	}
	for _, name := range slices.Sorted(maps.Keys(sealed)) {
		if !made[name] {
			checks = append(checks, seal.Check{Name: "table " + name, Want: sealed[name].String(), Reason: "the run makes no such table"})
		}
	}
	return checks
}

func compareEstimate(ctx context.Context, sealed *seal.Estimate, r *engine.Result, currency string) (seal.Check, error) {
	const name = "quantum estimate"
	if sealed == nil {
		return seal.Check{Name: name, OK: true, Got: "none"}, nil
	}
	if !sealed.Simulated || !slices.Equal(sealed.Backends, []string{runestimate.Backend}) {
		return seal.Check{Name: name, OK: true, Got: sealed.Digest.String(), Reason: "not recomputed: it was not made by the simulator alone"}, nil
	}
	report, err := runestimate.Report(ctx, r, currency, sealed.Qubits)
	if err != nil {
		return seal.Check{}, fmt.Errorf("recomputing the quantum estimate: %w", err)
	}
	text, err := runestimate.Text(report)
	if err != nil {
		return seal.Check{}, err
	}
	return compared(name, sha256.Sum256(text), sealed.Digest, true), nil
}

func (x *recomputeCommand) print(c console, o recomputeOutput) error {
	if x.JSON {
		return printJSON(c.out, o)
	}
	printChecks(c.out, o.Checks)
	printChecks(c.out, o.Recomputed)
	if o.Difference != nil {
		fmt.Fprintln(c.out, clean(o.Difference.String()))
	}
	switch {
	case o.Same:
		fmt.Fprintln(c.out, "SAME every result was recomputed to the last bit")
	case o.Recomputed == nil:
		fmt.Fprintf(c.out, "SEAL_NOT_VERIFIED %s: %s\n", x.Seal, clean(failures(o.Checks)))
	default:
		fmt.Fprintf(c.out, "DIFFERENT %s\n", clean(failures(o.Recomputed)))
	}
	return nil
}
