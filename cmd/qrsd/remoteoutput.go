package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/quantum"
	"github.com/qrsrisk/qrsd/web/client"
	"github.com/qrsrisk/qrsd/web/wire"
)

// remoteOutput is a run of an appliance as JSON; what is below Figures is as qrsd run prints it.
type remoteOutput struct {
	Run       wire.Run                `json:"run"`
	Portfolio *wire.ImportedPortfolio `json:"imported,omitempty"` // by this command
	Settings  []wire.Setting          `json:"settings,omitempty"`
	Events    int                     `json:"events_with_loss,omitempty"`
	Figures   *runOutput              `json:"figures,omitempty"` // of a run that is done
}

// newRemoteOutput reads the figures of a run that is done.
func newRemoteOutput(ctx context.Context, a *client.Client, r wire.Run) (*remoteOutput, error) {
	out := &remoteOutput{Run: r, Figures: &runOutput{Limits: limits, LOBs: []summaryOutput{}, Counties: []summaryOutput{}}}
	if r.Started != nil && r.Ended != nil {
		out.Figures.Seconds = math.Round(r.Ended.Sub(*r.Started).Seconds()*1000) / 1000
	}
	s, err := a.RunSettings(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	out.Settings = s.Settings
	f := figuresReader{Client: a, run: r, out: out}
	for _, read := range []func(context.Context) error{f.exposure, f.metrics, f.events, f.estimate} {
		if err := read(ctx); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// figuresReader reads the figures of one run.
type figuresReader struct {
	*client.Client

	run wire.Run
	out *remoteOutput
}

// exposure reads what was imported.
func (f figuresReader) exposure(ctx context.Context) error {
	p, err := f.PortfolioVersion(ctx, f.run.Portfolio, f.run.PortfolioVersion)
	if err != nil {
		return err
	}
	s, err := f.PortfolioSummary(ctx, p.ID, p.Version)
	if err != nil {
		return err
	}
	x := exposureOutput{Locations: p.Locations, Accounts: p.Accounts, Policies: s.Policies, Currency: p.Currency, NotWind: s.NotWind, Geocoded: map[string]int{}}
	for i, of := range s.Coverages[:min(len(s.Coverages), len(x.TIV))] {
		x.TIV[i] = of.TIV
	}
	report, err := reportOf(ctx, f.Client, p)
	if err != nil {
		return err
	}
	if report != nil {
		x.Geocoded = map[string]int{"given": report.Geocoded.Given, "zip": report.Geocoded.ZIP, "county": report.Geocoded.County}
		for _, w := range report.Warnings {
			x.Warnings = append(x.Warnings, exposureNotice{w.File, w.Line, w.Column, w.Value, w.Reason, w.Count})
		}
	}
	f.out.Figures.Exposure, f.out.Figures.Currency = x, p.Currency
	return nil
}

// metrics reads the annual figures of portfolio, lines of business and counties, and their curves.
func (f figuresReader) metrics(ctx context.Context) error {
	summaries := map[int]*summaryOutput{}
	var lobs, counties []*summaryOutput
	for part := (client.Part{Limit: 1000}); ; {
		m, err := f.RunMetrics(ctx, f.run.ID, nil, part)
		if err != nil {
			return err
		}
		for _, item := range m.Items {
			s := &summaryOutput{Key: item.Summary.Key, Name: item.Summary.Name, TIV: item.Summary.TIV, GroundUp: annualOf(item.GroundUp), Gross: annualOf(item.Gross)}
			summaries[item.Summary.ID] = s
			switch item.Summary.Level {
			case "lob":
				lobs = append(lobs, s)
			case "county":
				counties = append(counties, s)
			}
		}
		if part.Cursor = m.NextCursor; part.Cursor == "" {
			break
		}
	}
	of := func(p func(*summaryOutput) *perspectiveOutput) func(int) *perspectiveOutput {
		return func(id int) *perspectiveOutput {
			if s := summaries[id]; s != nil {
				return p(s)
			}
			return nil
		}
	}
	if err := f.curves(ctx, "gu_bands", of(func(s *summaryOutput) *perspectiveOutput { return &s.GroundUp })); err != nil {
		return err
	}
	if err := f.curves(ctx, "gr_bands", of(func(s *summaryOutput) *perspectiveOutput { return &s.Gross })); err != nil {
		return err
	}
	if p := summaries[1]; p != nil { // the SummaryId of the portfolio
		f.out.Figures.Portfolio = *p
	}
	for _, s := range lobs {
		f.out.Figures.LOBs = append(f.out.Figures.LOBs, *s)
	}
	for _, s := range counties {
		f.out.Figures.Counties = append(f.out.Figures.Counties, *s)
	}
	return nil
}

func annualOf(a wire.AnnualLosses) perspectiveOutput {
	return perspectiveOutput{AAL: a.AAL, AALStdErr: a.AALStandardError, SD: a.SD, OEP: []pointOutput{}, AEP: []pointOutput{}}
}

// bandRow is a row of the tables of bands.
type bandRow struct {
	summary                       int
	calculation, kind             string
	period, loss, lowest, highest float64
	unbounded                     bool
}

// curves reads a table of bands: the curves of all summaries at once.
func (f figuresReader) curves(ctx context.Context, table string, of func(summary int) *perspectiveOutput) error {
	report := metrics.Report{Samples: f.run.Spec.Samples}
	headline := report.Headline().String()
	for part := (client.Part{Limit: 1000}); ; {
		page, err := f.RunTable(ctx, f.run.ID, table, part)
		if err != nil {
			return err
		}
		for i, row := range page.Rows {
			b, err := readBand(page.Columns, row)
			if err != nil {
				return fmt.Errorf("table %s, row %d after %q: %w", table, i, part.Cursor, err)
			}
			if p := of(b.summary); p != nil && b.calculation == headline {
				p.enter(b)
			}
		}
		if part.Cursor = page.NextCursor; part.Cursor == "" {
			f.addBeyond(of)
			return nil
		}
	}
}

// addBeyond adds the points of return periods that lie beyond the years: the tables have none. Both curves then have the same ones.
func (f figuresReader) addBeyond(of func(summary int) *perspectiveOutput) {
	for id := 1; of(id) != nil; id++ {
		p := of(id)
		periods := slices.Clone(f.run.Spec.ReturnPeriods)
		for _, at := range slices.Concat(p.OEP, p.AEP) {
			periods = append(periods, at.ReturnPeriod)
		}
		for _, points := range []*[]pointOutput{&p.OEP, &p.AEP} {
			for _, period := range periods {
				if pointOf(*points, period) == nil {
					*points = append(*points, pointOutput{ReturnPeriod: period})
				}
			}
			slices.SortFunc(*points, func(a, b pointOutput) int { return cmp.Compare(a.ReturnPeriod, b.ReturnPeriod) })
		}
	}
}

// readBand reads a row by the names of its columns.
func readBand(columns []wire.TableColumn, row []any) (b bandRow, err error) {
	if len(row) != len(columns) {
		return b, fmt.Errorf("%d values for %d columns", len(row), len(columns))
	}
	for i, c := range columns {
		number, isNumber := row[i].(float64)
		text, isText := row[i].(string)
		if !isNumber && !isText {
			return b, fmt.Errorf("column %s: %v is neither number nor text", c.Name, row[i])
		}
		switch c.Name {
		case "SummaryId":
			b.summary = int(number)
		case "Calculation":
			b.calculation = text
		case "Type":
			b.kind = text
		case "ReturnPeriod":
			b.period = number
		case "Loss":
			b.loss = number
		case "LowerCI":
			b.lowest = number
		case "UpperCI":
			b.highest = number
		case "UpperCIUnbounded":
			b.unbounded = number != 0
		}
	}
	return b, nil
}

// enter puts a row where it belongs.
func (p *perspectiveOutput) enter(b bandRow) {
	points := &p.OEP
	if strings.HasPrefix(b.kind, "AEP") {
		points = &p.AEP
	}
	at := pointOf(*points, b.period)
	if at == nil {
		*points = append(*points, pointOutput{ReturnPeriod: b.period})
		at = &(*points)[len(*points)-1]
	}
	if strings.HasSuffix(b.kind, "TVaR") {
		at.TVaR = &b.loss
		return
	}
	at.Loss, at.Low = &b.loss, &b.lowest
	if !b.unbounded {
		at.High = &b.highest
	}
}

func pointOf(points []pointOutput, period float64) *pointOutput {
	for i := range points {
		if points[i].ReturnPeriod == period {
			return &points[i]
		}
	}
	return nil
}

// events reads how many storms had a loss.
func (f figuresReader) events(ctx context.Context) error {
	e, err := f.RunEvents(ctx, f.run.ID, client.EventQuery{}, client.Part{Limit: 1})
	f.out.Events = e.Total
	return err
}

// estimate reads the quantum estimate, where there is one.
func (f figuresReader) estimate(ctx context.Context) error {
	e, err := f.RunEstimate(ctx, f.run.ID)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	report := new(quantum.Report)
	if err := json.Unmarshal(e.Report, report); err != nil {
		return fmt.Errorf("the quantum estimate of run %s: %w", f.run.ID, err)
	}
	f.out.Figures.Estimate = withoutBins(report)
	return nil
}

// printRemote is what people see of a run that is done: what qrsd run shows of one of this host.
func printRemote(w io.Writer, o *remoteOutput) {
	r, out := o.Run, *o.Figures
	fmt.Fprintf(w, "run %s  %s\n", r.ID, plain(r.Name))
	fmt.Fprintf(w, "%s, submitted %s by %s; Florida hurricane, wind only   model %.12s   portfolio %.12s\n", stateInWords(r), minute(r.Submitted), r.By, r.Model, r.PortfolioDigest)
	printExposure(w, out.Exposure)
	seed := r.Spec.Seed
	if r.Spec.Scenario != "" {
		fmt.Fprintf(w, "storm %s, %s, seed %s, %.1f s\n\n", plain(r.Spec.Scenario), samplesInWords(r.Spec.Samples), seed, out.Seconds)
		printStormLosses(w, out)
	} else {
		fmt.Fprintf(w, "%s years, %s, seed %s: %s storms with a loss, %.1f s\n\n", grouped(float64(r.Spec.Years)), samplesInWords(r.Spec.Samples), seed,
			grouped(float64(o.Events)), out.Seconds)
		printCurves(w, out)
		printEstimate(w, out)
		printCounties(w, out)
	}
	printNotes(w, out)
}
