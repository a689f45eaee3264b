package main

import (
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/quantum"
)

// runOutput is `qrsd run --json`.
type runOutput struct {
	Manifest  *runner.Manifest `json:"manifest"`
	Event     string           `json:"event,omitempty"`
	Currency  string           `json:"currency"`
	Exposure  exposureOutput   `json:"exposure"`
	Portfolio summaryOutput    `json:"portfolio"`
	LOBs      []summaryOutput  `json:"lines_of_business"`
	Counties  []summaryOutput  `json:"counties"`
	Notes     []loss.Note      `json:"notes,omitempty"`
	Limits    []string         `json:"limits"`
	// Estimate stands beside the figures and is no part of them; its bins are in the folder's file alone.
	Estimate *quantum.Report `json:"quantum_estimate,omitempty"`
	// SiteEvents are the pairs of site and damaging event that were computed.
	SiteEvents int64   `json:"site_events"`
	Seconds    float64 `json:"seconds"`
	// Stored says where the run is kept; nil outside of a store.
	Stored *storedOutput `json:"stored,omitempty"`
}

type summaryOutput struct {
	Key      string            `json:"key,omitempty"`
	Name     string            `json:"name,omitempty"`
	TIV      float64           `json:"tiv"`
	GroundUp perspectiveOutput `json:"ground_up"`
	Gross    perspectiveOutput `json:"gross"`
}

type perspectiveOutput struct {
	AAL       float64       `json:"aal"`
	AALStdErr float64       `json:"aal_std_err"`
	SD        float64       `json:"sd"`
	OEP       []pointOutput `json:"oep"`
	AEP       []pointOutput `json:"aep"`
}

// pointOutput is one return period; loss and TVaR are null beyond the simulated years.
type pointOutput struct {
	ReturnPeriod float64  `json:"return_period"`
	Loss         *float64 `json:"loss"`
	Low          *float64 `json:"low_90"`
	High         *float64 `json:"high_90"` // null where the catalogue is too short for an upper limit
	TVaR         *float64 `json:"tvar"`
}

// limits are said with every result.
var limits = []string{
	"Florida, wind only: no storm surge, flood or other states.",
	"Bands are for sampling over simulated years; they do not hold the model's own error.",
	"No demand surge, no reinsurance. Not validated against claims; not accepted by any commission.",
}

func newRunOutput(o *runner.Outcome) runOutput {
	r := o.Result.Report
	out := runOutput{
		Manifest: o.Manifest, Event: o.Event, Currency: o.Exposure.Currency, Exposure: newExposureOutput(o.Exposure),
		Notes: o.Result.Notes, Limits: limits, Estimate: withoutBins(o.Estimate), SiteEvents: o.Result.SiteEvents, Seconds: math.Round(o.Elapsed.Seconds()*1000) / 1000,
	}
	for i := range r.Summaries {
		s := newSummaryOutput(&r.Summaries[i], r.Headline())
		switch r.Summaries[i].Summary.Level {
		case loss.ByPortfolio:
			out.Portfolio = s
		case loss.ByLOB:
			out.LOBs = append(out.LOBs, s)
		case loss.ByCounty:
			out.Counties = append(out.Counties, s)
		}
	}
	return out
}

func newSummaryOutput(m *metrics.SummaryMetrics, calc metrics.EPCalc) summaryOutput {
	s := summaryOutput{Key: m.Summary.Key, Name: m.Summary.Name, TIV: m.Summary.TIV}
	for p, out := range map[loss.Perspective]*perspectiveOutput{loss.GroundUp: &s.GroundUp, loss.Gross: &s.Gross} {
		x := &m.Perspectives[p]
		*out = perspectiveOutput{
			AAL: x.Annual.AAL, AALStdErr: x.Annual.AALStdErr, SD: x.Annual.SD,
			OEP: newPoints(x.Curve(metrics.OEP, calc)), AEP: newPoints(x.Curve(metrics.AEP, calc)),
		}
	}
	return s
}

func newPoints(c *metrics.Curve) []pointOutput {
	points := []pointOutput{}
	if c == nil {
		return points
	}
	for i := range c.Points {
		p := &c.Points[i]
		out := pointOutput{ReturnPeriod: p.ReturnPeriod}
		if p.Available {
			out.Loss, out.TVaR, out.Low = &p.Loss, &p.TVaR, &p.LossBand.Low
			if !p.LossBand.Unbounded {
				out.High = &p.LossBand.High
			}
		}
		points = append(points, out)
	}
	return points
}

// printRun is what people see at the end of a run.
func printRun(w io.Writer, o *runner.Outcome, folder string) {
	r := o.Result
	out := newRunOutput(o)
	fmt.Fprintf(w, "qrsd %s   Florida hurricane, wind only   model %.19s   portfolio %.19s\n", o.Manifest.Engine, o.Manifest.Model, o.Manifest.Portfolio)
	printExposure(w, out.Exposure)
	if o.Event != "" {
		printScenario(w, o, out)
	} else {
		fmt.Fprintf(w, "%s years, %s, seed %d: %s events with damaging wind, %s site-events, %.1f s\n\n",
			grouped(float64(r.Spec.Years)), samplesInWords(r.Spec.Samples), r.Spec.Seed, grouped(float64(len(r.Table.Events))), grouped(float64(r.SiteEvents)), o.Elapsed.Seconds())
		printCurves(w, out)
		printEstimate(w, out)
		printCounties(w, out)
	}
	printNotes(w, out)
	if folder != "" {
		fmt.Fprintf(w, "\n%d files and %s in %s\n", len(o.Manifest.Files), runner.ManifestFile, folder)
	}
}

func samplesInWords(n int) string {
	switch n {
	case 0:
		return "mean damage"
	case 1:
		return "1 sample"
	}
	return fmt.Sprintf("%d samples", n)
}

func printCurves(w io.Writer, out runOutput) {
	for _, v := range []struct {
		title string
		p     *perspectiveOutput
	}{{"GROUND-UP", &out.Portfolio.GroundUp}, {"GROSS", &out.Portfolio.Gross}} {
		fmt.Fprintf(w, "%s  AAL %s ± %s %s (%.2f per 1,000 of TIV), standard deviation %s\n", v.title, money(v.p.AAL), money(1.645*v.p.AALStdErr),
			out.Currency, 1000*v.p.AAL/math.Max(out.Portfolio.TIV, 1), money(v.p.SD))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "return period\tOEP\t90 % band\tTVaR\tAEP\t90 % band\tTVaR\t")
		for i := range v.p.OEP {
			fmt.Fprintf(t, "%s years\t%s\t%s\t\n", grouped(v.p.OEP[i].ReturnPeriod), pointCells(v.p.OEP[i]), pointCells(v.p.AEP[i]))
		}
		t.Flush()
		fmt.Fprintln(w)
	}
}

// pointCells are loss, band and TVaR of a point.
func pointCells(p pointOutput) string {
	if p.Loss == nil {
		return "beyond the years\t\t"
	}
	high := "…"
	if p.High != nil {
		high = money(*p.High)
	}
	return fmt.Sprintf("%s\t%s–%s\t%s", money(*p.Loss), money(*p.Low), high, money(*p.TVaR))
}

// countiesShown is how many counties the terminal shows; all are in the files.
const countiesShown = 15

func printCounties(w io.Writer, out runOutput) {
	counties := byLoss(out.Counties)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "county\tTIV\tAAL ground-up\tper 1,000\tAAL gross\tOEP 100 ground-up\tOEP 250\t")
	for _, c := range counties[:min(countiesShown, len(counties))] {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t%s\t%s\t%s\t\n", c.Name, money(c.TIV), money(c.GroundUp.AAL), 1000*c.GroundUp.AAL/math.Max(c.TIV, 1),
			money(c.Gross.AAL), at(c.GroundUp.OEP, 100), at(c.GroundUp.OEP, 250))
	}
	t.Flush()
	moreCounties(w, counties)
}

func moreCounties(w io.Writer, counties []summaryOutput) {
	if more := len(counties) - countiesShown; more > 0 {
		fmt.Fprintf(w, "and %d more counties (--json, or the files of -o)\n", more)
	}
}

// byLoss sorts a copy by falling ground-up loss.
func byLoss(counties []summaryOutput) []summaryOutput {
	sorted := append([]summaryOutput(nil), counties...)
	sort.SliceStable(sorted, func(i, k int) bool { return sorted[i].GroundUp.AAL > sorted[k].GroundUp.AAL })
	return sorted
}

func at(points []pointOutput, period float64) string {
	for _, p := range points {
		if p.ReturnPeriod == period && p.Loss != nil {
			return money(*p.Loss)
		}
	}
	return "–"
}

// printScenario shows the losses of one storm: their mean and their spread over samples.
func printScenario(w io.Writer, o *runner.Outcome, out runOutput) {
	e := o.Result.Spec.Scenario
	fmt.Fprintf(w, "storm %s, %s, seed %d, %.1f s\n", o.Event, samplesInWords(o.Result.Spec.Samples), o.Result.Spec.Seed, o.Elapsed.Seconds())
	for _, l := range e.Landfalls {
		fmt.Fprintf(w, "landfall %s at %.2f N %.2f W: %.0f kt, %.0f hPa, Rmax %.0f km, moving %.0f° at %.1f m/s\n",
			l.Region, l.Lat, -l.Lon, l.Wind, l.Pressure, l.Rmax, l.Heading, l.Speed)
	}
	fmt.Fprintln(w)
	printStormLosses(w, out)
}

// printStormLosses shows the losses of one storm, of the portfolio and of counties.
func printStormLosses(w io.Writer, out runOutput) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tmean loss\tsd over samples\tper 1,000 of TIV\t")
	for _, v := range []struct {
		title string
		p     *perspectiveOutput
	}{{"ground-up", &out.Portfolio.GroundUp}, {"gross", &out.Portfolio.Gross}} {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t\n", v.title, money(v.p.AAL), money(v.p.SD), 1000*v.p.AAL/math.Max(out.Portfolio.TIV, 1))
	}
	t.Flush()
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "county\tTIV\tmean ground-up\tper 1,000\tmean gross\t")
	counties := byLoss(out.Counties)
	for _, c := range counties[:min(countiesShown, len(counties))] {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t%s\t\n", c.Name, money(c.TIV), money(c.GroundUp.AAL), 1000*c.GroundUp.AAL/math.Max(c.TIV, 1), money(c.Gross.AAL))
	}
	t.Flush()
	moreCounties(w, counties)
}

func printNotes(w io.Writer, out runOutput) {
	if len(out.Notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, n := range out.Notes[:min(5, len(out.Notes))] {
		fmt.Fprintf(w, "note: %s locations: %s\n", grouped(float64(n.Locations)), n.Text)
	}
	if more := len(out.Notes) - 5; more > 0 {
		fmt.Fprintf(w, "and %d more notes (--json)\n", more)
	}
	fmt.Fprintln(w)
	for _, l := range limits {
		fmt.Fprintln(w, l)
	}
}

// money is an amount with three or four figures and a suffix.
func money(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e9:
		return strconv.FormatFloat(v/1e9, 'f', 2, 64) + "bn"
	case a >= 1e6:
		return strconv.FormatFloat(v/1e6, 'f', 2, 64) + "m"
	case a >= 1e3:
		return strconv.FormatFloat(v/1e3, 'f', 1, 64) + "k"
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// grouped is a number with commas between thousands.
func grouped(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	whole, rest := s, ""
	for i, r := range s {
		if r == '.' {
			whole, rest = s[:i], s[i:]
			break
		}
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return whole + rest
}

// exposureOutput is what was imported.
type exposureOutput struct {
	Locations int              `json:"locations"`
	Accounts  int              `json:"accounts"`
	Policies  int              `json:"policies"`
	TIV       [4]float64       `json:"tiv_building_other_contents_bi"`
	Currency  string           `json:"currency"`
	Geocoded  map[string]int   `json:"geocoded"`
	NotWind   int              `json:"not_covering_wind"`
	Unknown   []string         `json:"unknown_columns,omitempty"`
	Unused    []string         `json:"unused_columns,omitempty"`
	Warnings  []exposureNotice `json:"warnings,omitempty"`
}

type exposureNotice struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column string `json:"column,omitempty"`
	Value  string `json:"value,omitempty"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

func newExposureOutput(r *exposure.Report) exposureOutput {
	o := exposureOutput{
		Locations: r.Locations, Accounts: r.Accounts, Policies: r.Policies, TIV: r.TIV, Currency: r.Currency, NotWind: r.NotWind,
		Geocoded: map[string]int{"given": r.Geocoded[exposure.GeocodeGiven], "zip": r.Geocoded[exposure.GeocodeZIP], "county": r.Geocoded[exposure.GeocodeCounty]},
	}
	for _, c := range r.Columns {
		switch {
		case c.Use == exposure.ColumnUnknown:
			o.Unknown = append(o.Unknown, c.File+" "+c.Name)
		case c.Use == exposure.ColumnKept && c.NonEmpty > 0:
			o.Unused = append(o.Unused, c.File+" "+c.Name)
		}
	}
	for _, x := range r.Warnings {
		o.Warnings = append(o.Warnings, exposureNotice{x.File, x.Line, x.Column, x.Value, x.Reason, x.Count})
	}
	return o
}

func printExposure(w io.Writer, o exposureOutput) {
	fmt.Fprintf(w, "%s locations, %s accounts, TIV %s %s (building %s, other %s, contents %s, time element %s)\n",
		grouped(float64(o.Locations)), grouped(float64(o.Accounts)), money(o.TIV[0]+o.TIV[1]+o.TIV[2]+o.TIV[3]), o.Currency,
		money(o.TIV[0]), money(o.TIV[1]), money(o.TIV[2]), money(o.TIV[3]))
	if n := o.Geocoded["zip"] + o.Geocoded["county"]; n > 0 {
		fmt.Fprintf(w, "coordinates: %d given, %d by ZIP code, %d by county\n", o.Geocoded["given"], o.Geocoded["zip"], o.Geocoded["county"])
	}
	for _, name := range o.Unknown {
		fmt.Fprintf(w, "column not of OED, kept as text: %s\n", name)
	}
	for _, x := range o.Warnings[:min(len(o.Warnings), 10)] {
		fmt.Fprintf(w, "warning: %s line %d %s %q: %s (%d rows)\n", x.File, x.Line, x.Column, x.Value, x.Reason, x.Count)
	}
	if more := len(o.Warnings) - 10; more > 0 {
		fmt.Fprintf(w, "and %d more warnings (--json)\n", more)
	}
}

// counted is a number of things: "1 fault", "2 faults".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(float64(n)) + " " + thing + "s"
}
