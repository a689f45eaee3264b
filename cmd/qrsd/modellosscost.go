package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/losscost"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// losscostCommand is `qrsd model losscost`.
type losscostCommand struct {
	Location string   `required:"" placeholder:"FILE" help:"OED location file, CSV or Parquet."`
	Account  string   `placeholder:"FILE" help:"OED account file: checked with the locations; a ground-up loss cost knows no policy."`
	Years    int      `default:"10000" help:"Simulated years."`
	Samples  int      `default:"10" help:"Draws of damage per event; 0 = the mean alone."`
	Seed     uint64   `default:"1" help:"Seed of the catalogue and of damage."`
	Without  []string `placeholder:"GROUP" help:"Switch judgement groups of the damage curves off."`
	Workers  int      `placeholder:"N" help:"Goroutines; default all cores. The result does not depend on it."`
	JSON     bool     `help:"Print as JSON."`
}

// costOutput is the loss cost of one group of sites in JSON.
type costOutput struct {
	Construction string  `json:"construction"`
	Part         string  `json:"part"` // of Florida
	Coastal      bool    `json:"coastal"`
	Residential  bool    `json:"residential"`
	Sites        int     `json:"sites"`
	TIV          float64 `json:"tiv"`
	AAL          float64 `json:"aal"`
	PerThousand  float64 `json:"aal_per_1000"`
}

type losscostOutput struct {
	Model   string           `json:"model"`
	Years   int              `json:"years"`
	Samples int              `json:"samples"`
	Seed    uint64           `json:"seed"`
	Costs   []costOutput     `json:"loss_costs"`
	Checks  []losscost.Check `json:"shape_checks"`
	Note    string           `json:"note"`
}

// recalled is said with the shape checks.
const recalled = "the ranges are recalled from public filings and papers, unverified: they say that a result has the right shape, no more"

// Run carries out the command.
func (l *losscostCommand) Run(ctx context.Context, c console) error {
	spec := engine.Spec{Years: l.Years, Samples: l.Samples, Seed: l.Seed, Correlation: loss.DefaultCorrelation(), Without: l.Without}
	if err := spec.Check(); err != nil {
		return &runner.ErrUsage{Reason: err.Error()}
	}
	model, err := modelpack.Florida(vulnerability.Options{Without: l.Without})
	if err != nil {
		return err
	}
	book, err := readBook(runner.Files{Location: l.Location, Account: l.Account}, model)
	if err != nil {
		return err
	}
	bar := startProgress(c.err)
	costs, err := book.Run(ctx, model, spec, engine.Options{Workers: l.Workers, Progress: bar.update})
	bar.stop()
	if err != nil {
		return err
	}
	if l.JSON {
		return printJSON(c.out, losscostOutput{model.Digest.String(), l.Years, l.Samples, l.Seed, costRows(costs), costs.Checks(), recalled})
	}
	fmt.Fprintf(c.out, "ground-up loss costs of %s sites over %s years, %s, seed %d, model %.19s\n",
		grouped(float64(book.Sites())), grouped(float64(l.Years)), samplesInWords(l.Samples), l.Seed, model.Digest)
	if book.NotWind > 0 {
		fmt.Fprintf(c.out, "%d sites do not cover wind and are left out\n", book.NotWind)
	}
	printCosts(c.out, "All occupancies: average annual loss per 1,000 of TIV", costs, func(losscost.Group) bool { return true })
	printCosts(c.out, "Residential: average annual loss per 1,000 of TIV", costs, func(g losscost.Group) bool { return g.Residential })
	printChecks(c.out, costs.Checks())
	return nil
}

// readBook reads the exposure and regroups it by site.
func readBook(files runner.Files, model *modelpack.Model) (*losscost.Book, error) {
	portfolio, _, err := files.Read(model.Ground)
	if err != nil {
		return nil, err
	}
	book := losscost.NewBook(portfolio, model.Ground)
	if book.Sites() == 0 {
		return nil, fmt.Errorf("%s: no site covers wind (LocPerilsCovered has no WTC); there is no loss cost", files.Location)
	}
	return book, nil
}

// costRows are the groups that have sites.
func costRows(c *losscost.Costs) []costOutput {
	rows := []costOutput{}
	for class := range losscost.Class(losscost.NumClasses) {
		for part := range losscost.Part(losscost.NumParts) {
			for _, coastal := range []bool{true, false} {
				for _, residential := range []bool{true, false} {
					want := losscost.Group{Class: class, Part: part, Coastal: coastal, Residential: residential}
					cell := c.Of(func(g losscost.Group) bool { return g == want })
					if cell.Sites > 0 {
						rows = append(rows, costOutput{class.String(), part.String(), coastal, residential, cell.Sites, cell.TIV, cell.AAL, cell.PerThousand()})
					}
				}
			}
		}
	}
	return rows
}

// printCosts is a table of construction by place.
func printCosts(w io.Writer, title string, c *losscost.Costs, among func(losscost.Group) bool) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%s\n", title)
	fmt.Fprintln(t, "\tSouth coast\tinland\tCentral coast\tinland\tNorth coast\tinland\tFlorida\tTIV\tsites\t")
	row := func(name string, fits func(losscost.Group) bool) {
		fmt.Fprint(t, name)
		for part := range losscost.Part(losscost.NumParts) {
			for _, coastal := range []bool{true, false} {
				fmt.Fprint(t, "\t", rateCell(c.Of(func(g losscost.Group) bool { return among(g) && fits(g) && g.Part == part && g.Coastal == coastal })))
			}
		}
		all := c.Of(func(g losscost.Group) bool { return among(g) && fits(g) })
		fmt.Fprintf(t, "\t%s\t%s\t%s\t\n", rateCell(all), money(all.TIV), grouped(float64(all.Sites)))
	}
	for class := range losscost.Class(losscost.NumClasses) {
		row(class.String(), func(g losscost.Group) bool { return g.Class == class })
	}
	row("all", func(losscost.Group) bool { return true })
	t.Flush()
}

func rateCell(c losscost.Cell) string {
	if c.Sites == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", c.PerThousand())
}

func printChecks(w io.Writer, checks []losscost.Check) {
	table(w, "Shape checks ("+recalled+")", "check\tvalue\texpected\t\t", func(add func(string, ...any)) {
		for _, k := range checks {
			expected := fmt.Sprintf("%g–%g", k.Low, k.High)
			if k.High == 0 {
				expected = fmt.Sprintf("above %g", k.Low)
			}
			add("%s\t%.2f\t%s\t%s\t%s", k.Name, k.Value, expected, k.Unit, verdict(k.Within))
		}
	})
	fmt.Fprintf(w, "coast: within %g km of the sea; South: south of 27.2 N; North: north of 28.8 N\n", losscost.CoastalKm)
}
