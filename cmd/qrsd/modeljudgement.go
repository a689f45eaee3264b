package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"sync/atomic"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/losscost"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/modelcard"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/registry"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// judgementCommand is `qrsd model judgement`.
type judgementCommand struct {
	Location string   `required:"" placeholder:"FILE" help:"OED location file, CSV or Parquet."`
	Account  string   `placeholder:"FILE" help:"OED account file: checked with the locations; a ground-up loss cost knows no policy."`
	Years    int      `default:"2000" help:"Simulated years of each variant."`
	Samples  int      `default:"4" help:"Draws of damage per event; 0 = the mean alone."`
	Seed     uint64   `default:"1" help:"Seed of the catalogue and of damage, the same for every variant."`
	Group    []string `placeholder:"GROUP" help:"Only these judgement groups; default all."`
	Workers  int      `placeholder:"N" help:"Goroutines; default all cores. The result does not depend on it."`
	JSON     bool     `help:"Print as JSON."`
}

// judgementOutput is the loss costs with the model and with each judgement switched off.
type judgementOutput struct {
	Model    string          `json:"model"`
	Years    int             `json:"years"`
	Samples  int             `json:"samples"`
	Seed     uint64          `json:"seed"`
	With     figuresOutput   `json:"with"`
	Without  []variantOutput `json:"without"`
	NoSwitch []string        `json:"judgements_without_switch"`
}

// figuresOutput are the ground-up loss costs of one variant, per 1,000 of TIV, and its 100-year loss.
type figuresOutput struct {
	All          float64            `json:"all"`
	Construction map[string]float64 `json:"construction"`
	Part         map[string]float64 `json:"part"`
	Largest      *float64           `json:"oep_100"` // null where the years are too few
}

// variantOutput is the change, in percent of the model's figures.
type variantOutput struct {
	Group   string             `json:"group"`
	Off     []string           `json:"off"` // what switching it off means
	Percent map[string]float64 `json:"percent"`
	Error   float64            `json:"percent_all_std_err"` // over simulated years
	Figures figuresOutput      `json:"figures"`
}

// Run carries out the command.
func (j *judgementCommand) Run(ctx context.Context, c console) error {
	base := engine.Spec{Years: j.Years, Samples: j.Samples, Seed: j.Seed, Correlation: loss.DefaultCorrelation()}
	if err := base.Check(); err != nil {
		return &runner.ErrUsage{Reason: err.Error()}
	}
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return err
	}
	parameters := modelcard.Parameters(model, base.Correlation)
	groups, err := chosenGroups(parameters, j.Group)
	if err != nil {
		return err
	}
	book, err := readBook(runner.Files{Location: j.Location, Account: j.Account}, model)
	if err != nil {
		return err
	}
	bar := startProgress(c.err)
	run := &variants{book: book, spec: base, workers: j.Workers, count: 1 + len(groups), progress: bar.update}
	out, err := run.compare(ctx, model, groups, parameters)
	bar.stop()
	if err != nil {
		return err
	}
	if j.JSON {
		return printJSON(c.out, out)
	}
	printJudgement(c.out, out)
	return nil
}

// chosenGroups are the groups of the registry by which judgements are switched off, or those asked for.
func chosenGroups(parameters []registry.Parameter, asked []string) ([]string, error) {
	var groups []string
	for _, p := range parameters {
		if p.Group != "" && !slices.Contains(groups, p.Group) {
			groups = append(groups, p.Group)
		}
	}
	slices.Sort(groups)
	for _, g := range asked {
		if !slices.Contains(groups, g) {
			return nil, &runner.ErrUsage{Reason: fmt.Sprintf("--group %s: no such judgement; there are %v", g, groups)}
		}
	}
	if len(asked) > 0 {
		return slices.Compact(slices.Sorted(slices.Values(asked))), nil
	}
	return groups, nil
}

// variants runs the book again and again with the same years and draws, so that differences are the judgements' own
// and not chance.
type variants struct {
	book     *losscost.Book
	spec     engine.Spec
	workers  int
	count    int
	progress func(engine.Progress)

	done       int   // variants
	siteEvents int64 // of the variants done
}

func (v *variants) compare(ctx context.Context, model *modelpack.Model, groups []string, parameters []registry.Parameter) (*judgementOutput, error) {
	with, err := v.run(ctx, model, v.spec)
	if err != nil {
		return nil, err
	}
	out := &judgementOutput{
		Model: model.Digest.String(), Years: v.spec.Years, Samples: v.spec.Samples, Seed: v.spec.Seed,
		With: newFigures(with), Without: []variantOutput{}, NoSwitch: unswitched(parameters),
	}
	for _, g := range groups {
		without, err := v.without(ctx, model, g)
		if err != nil {
			return nil, fmt.Errorf("running without %s: %w", g, err)
		}
		out.Without = append(out.Without, newVariant(g, meaningOf(g, parameters), without, with))
	}
	slices.SortStableFunc(out.Without, func(a, b variantOutput) int {
		return cmp.Compare(math.Abs(b.Percent[wholeBook]), math.Abs(a.Percent[wholeBook]))
	})
	return out, nil
}

// without runs the book with one group switched off.
func (v *variants) without(ctx context.Context, model *modelpack.Model, group string) (*losscost.Costs, error) {
	spec := v.spec
	if group == loss.CorrelationGroup {
		spec.Correlation = loss.Correlation{}
		return v.run(ctx, model, spec)
	}
	spec.Without = []string{group}
	other, err := modelpack.Florida(vulnerability.Options{Without: spec.Without})
	if err != nil {
		return nil, err
	}
	return v.run(ctx, other, spec)
}

func (v *variants) run(ctx context.Context, model *modelpack.Model, spec engine.Spec) (*losscost.Costs, error) {
	var siteEvents atomic.Int64
	costs, err := v.book.Run(ctx, model, spec, engine.Options{Workers: v.workers, Progress: func(p engine.Progress) {
		if p.Stage == "years" {
			siteEvents.Store(max(siteEvents.Load(), p.SiteEvents))
			v.progress(engine.Progress{Stage: "variants", Done: v.done*spec.Years + p.Done, All: v.count * spec.Years, SiteEvents: v.siteEvents + p.SiteEvents})
		}
	}})
	v.done++
	v.siteEvents += siteEvents.Load()
	return costs, err
}

const (
	wholeBook   = "all"
	largestLoss = "oep_100"
)

func newFigures(c *losscost.Costs) figuresOutput {
	f := figuresOutput{All: c.All().PerThousand(), Construction: map[string]float64{}, Part: map[string]float64{}}
	for class := range losscost.Class(losscost.NumClasses) {
		if cell := c.Of(func(g losscost.Group) bool { return g.Class == class }); cell.Sites > 0 {
			f.Construction[class.String()] = cell.PerThousand()
		}
	}
	for part := range losscost.Part(losscost.NumParts) {
		if cell := c.Of(func(g losscost.Group) bool { return g.Part == part }); cell.Sites > 0 {
			f.Part[part.String()] = cell.PerThousand()
		}
	}
	if c.Largest > 0 {
		f.Largest = &c.Largest
	}
	return f
}

func newVariant(group string, off []string, without, with *losscost.Costs) variantOutput {
	v := variantOutput{Group: group, Off: off, Percent: map[string]float64{}, Figures: newFigures(without)}
	put := func(name string, a, b float64) {
		if change := 100 * losscost.Change(a, b); !math.IsNaN(change) {
			v.Percent[name] = change
		}
	}
	base := newFigures(with)
	put(wholeBook, v.Figures.All, base.All)
	for name, value := range base.Construction {
		put(name, v.Figures.Construction[name], value)
	}
	for name, value := range base.Part {
		put(name, v.Figures.Part[name], value)
	}
	put(largestLoss, without.Largest, with.Largest)
	if e := 100 * losscost.ChangeError(without, with); !math.IsNaN(e) {
		v.Error = e
	}
	return v
}

// meaningOf says what a group is when it is off, each way once.
func meaningOf(group string, parameters []registry.Parameter) []string {
	var off []string
	for _, p := range parameters {
		if p.Group == group && !slices.Contains(off, p.Off) {
			off = append(off, p.Off)
		}
	}
	return off
}

// unswitched are the judgements that no switch turns off: those of the hazard, which is fitted with them and frozen, of the
// wind field (see qrsd model hazard --ablation), and those without a neutral value.
func unswitched(parameters []registry.Parameter) []string {
	names := []string{}
	for _, p := range parameters {
		if p.Kind == registry.Judgement && p.Group == "" {
			names = append(names, p.Stage+": "+p.Name)
		}
	}
	return names
}

func printJudgement(w io.Writer, out *judgementOutput) {
	fmt.Fprintf(w, "ground-up loss costs over %s years, %s, seed %d, model %.19s\n", grouped(float64(out.Years)), samplesInWords(out.Samples), out.Seed, out.Model)
	fmt.Fprintln(w, "first row: average annual loss per 1,000 of TIV; below: its change, %, with one judgement switched off, and the standard error of that of all")
	fmt.Fprintln(w)
	var columns []string
	for class := range losscost.Class(losscost.NumClasses) {
		columns = append(columns, class.String())
	}
	for part := range losscost.Part(losscost.NumParts) {
		columns = append(columns, part.String())
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tall\t±\t")
	for _, name := range columns {
		fmt.Fprint(t, name, "\t")
	}
	fmt.Fprintln(t, "100-year loss\t")
	fmt.Fprintf(t, "the model\t%.2f\t\t", out.With.All)
	for _, name := range columns {
		value, ok := out.With.Construction[name]
		if !ok {
			value, ok = out.With.Part[name]
		}
		fmt.Fprint(t, figure(value, ok, "%.2f"), "\t")
	}
	if out.With.Largest != nil {
		fmt.Fprint(t, money(*out.With.Largest))
	}
	fmt.Fprintln(t, "\t")
	for _, v := range out.Without {
		fmt.Fprintf(t, "without %s\t%+.2f\t%.2f\t", v.Group, v.Percent[wholeBook], v.Error)
		for _, name := range append(columns[:len(columns):len(columns)], largestLoss) {
			value, ok := v.Percent[name]
			fmt.Fprint(t, figure(value, ok, "%+.2f"), "\t")
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	fmt.Fprintln(w, "\nSouth: south of 27.2 N; North: north of 28.8 N")
	fmt.Fprintf(w, "%d judgements cannot be switched off here: the hazard is fitted with them and frozen (among them the correlation of B with the pressure-wind\n"+
		"residual), those of the wind field are varied by qrsd model hazard --ablation, the rest have no neutral value (--json lists them)\n", len(out.NoSwitch))
}

func figure(value float64, known bool, format string) string {
	if !known {
		return "–"
	}
	return fmt.Sprintf(format, value)
}
