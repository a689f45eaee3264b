package web

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/wire"
)

// reportPage writes the evidence down.
func (s *Server) reportPage(c *Call, e *evidence) page.Report {
	run := e.Run.Value
	name := run.Name
	if name == "" {
		name = e.Portfolio.Value.Name
	}
	r := page.Report{
		Frame: s.readingFrame(c, "Run report: "+name), PDF: api + "/runs/" + e.Run.ID.String() + "/report", Run: "/runs/" + e.Run.ID.String(),
		Made:  "Made by qrsd " + s.options.Version + " on " + page.Time(c.Received),
		Facts: e.runFacts(), Figures: e.figures(), Chart: e.chart(), Curves: e.curveTables(), Parts: e.partTables(), Lineage: e.lineage(), Verify: e.commands(),
		Limits: reportLimits(),
	}
	r.Lead = fmt.Sprintf("%s, %s simulated years, seed %d. Simulated events, not observed ones.", e.Portfolio.Value.Name, page.Amount(float64(run.Spec.Years)), run.Spec.Seed)
	r.State, r.Says = e.state()
	r.Seal, r.Checks, r.Broken = e.sealed()
	for _, x := range e.settings {
		cell := page.Cell{Text: orNone(x.Value), Detail: x.Meaning}
		if x.Default {
			cell.Text += " (default)"
		}
		r.Setting = append(r.Setting, page.Fact{Name: page.Sentence(strings.ReplaceAll(x.Name, "_", " ")), Cell: cell})
	}
	if e.panels != nil {
		r.Quantum = e.panels.section()
	} else {
		r.Missing = "Not run. The classical results are complete without it."
	}
	if run.Ended != nil {
		r.Ended = *run.Ended
	}
	return r
}

func (e *evidence) runFacts() []page.Fact {
	run, p := e.Run.Value, e.Portfolio.Value
	facts := []page.Fact{
		{Name: "Run", Cell: page.Cell{Text: e.Run.ID.String(), Mono: true}},
		{Name: "Portfolio", Cell: page.Cell{Text: p.Name, Detail: fmt.Sprintf("version %d, %s locations, %s accounts, insured value %s %s", p.Number, page.Amount(float64(p.Locations)), page.Amount(float64(p.Accounts)), page.Amount(p.TIV), p.Currency)}},
		{Name: "Submitted", Cell: page.Cell{Text: page.Time(run.Submitted) + " by " + e.who(run.By)}},
	}
	if run.Ended != nil {
		facts = append(facts, page.Fact{Name: "Finished", Cell: page.Cell{Text: page.Time(*run.Ended)}})
	}
	if run.Note != "" {
		facts = append(facts, page.Fact{Name: "Note", Cell: page.Cell{Text: run.Note}})
	}
	return facts
}

// state is Approved where a second person decided so of the run as it is now; everything else is a draft.
func (e *evidence) state() (word, says string) {
	const draft = "Draft"
	if e.Approval == nil {
		return draft, "approval was not requested"
	}
	a := e.Approval.Value
	switch {
	case a.Decision == workspace.Approved && e.Current && a.Decided != nil:
		return "Approved", fmt.Sprintf("by %s on %s, requested by %s. Reason: %s", e.who(a.Decider), page.Time(*a.Decided), e.who(a.By), a.Reason)
	case a.Decision == workspace.Approved:
		return draft, "what was approved has been changed since"
	case a.Decision == workspace.Requested && e.Current:
		return draft, "approval is requested, by " + e.who(a.By) + " on " + page.Time(a.At)
	case a.Decision == workspace.Rejected && a.Decided != nil:
		return draft, fmt.Sprintf("rejected by %s on %s. Reason: %s", e.who(a.Decider), page.Time(*a.Decided), a.Reason)
	}
	return draft, "the last request for approval is " + string(a.Decision)
}

// curve is one of the portfolio's, gross or ground-up; nil: it is not there.
func (e *evidence) curve(perspective, kind string) *wire.Curve {
	at := slices.IndexFunc(e.curves.Curves, func(c wire.Curve) bool { return c.Perspective == perspective && c.Type == kind })
	if at < 0 {
		return nil
	}
	return &e.curves.Curves[at]
}

// at is the curve's point of a return period; nil: there is none.
func pointAt(c *wire.Curve, period float64) *wire.CurvePoint {
	if c == nil {
		return nil
	}
	if at := slices.IndexFunc(c.Points, func(p wire.CurvePoint) bool { return p.ReturnPeriod == period }); at >= 0 {
		return &c.Points[at]
	}
	return nil
}

// headlinePeriod is the longest return period of the run up to one, so that the headline has figures of every run.
func (e *evidence) headlinePeriod(most float64) float64 {
	best := 0.0
	if c := e.curve("gross", "oep"); c != nil {
		for _, p := range c.Points {
			if p.ReturnPeriod <= most && p.Loss != nil {
				best = max(best, p.ReturnPeriod)
			}
		}
	}
	return best
}

func (e *evidence) figures() (all []page.Figure) {
	unit := e.curves.Basis.Currency
	if len(e.metrics.Items) > 0 {
		g := e.metrics.Items[0].Gross
		all = append(all, page.Figure{Name: "Average annual loss, gross", Value: page.Short(g.AAL), Detail: unit + ", standard error " + page.Short(g.AALStandardError)},
			page.Figure{Name: "Standard deviation", Value: page.Short(g.SD), Detail: unit + ", of a year"})
	}
	for _, x := range []struct {
		kind string
		most float64
	}{{"oep", 100}, {"oep", 250}, {"aep", 250}} {
		period := e.headlinePeriod(x.most)
		p := pointAt(e.curve("gross", x.kind), period)
		name := fmt.Sprintf("%s 1 in %s, gross", strings.ToUpper(x.kind), page.Amount(period))
		if p == nil || p.Loss == nil || slices.ContainsFunc(all, func(f page.Figure) bool { return f.Name == name }) {
			continue
		}
		detail := unit
		if p.TVaR != nil {
			detail += ", TVaR " + page.Short(*p.TVaR)
		}
		all = append(all, page.Figure{Name: name, Value: page.Short(*p.Loss), Detail: detail})
	}
	if a := e.panels.named("gross_oep").of(valueAtRisk, e.headlinePeriod(100)); a != nil {
		all = append(all, page.Figure{Name: fmt.Sprintf("Quantum OEP 1 in %s", page.Amount(a.ReturnPeriod)), Value: page.Short(a.Estimate.Value),
			Detail: unit + ", " + page.Short(a.Estimate.Low) + " – " + page.Short(a.Estimate.High)})
	}
	return all
}

// chart has the gross curves of the portfolio, and the estimate's marks.
func (e *evidence) chart() *page.Chart {
	out := &page.Chart{Title: "Exceedance curves of the portfolio, gross", Unit: e.curves.Basis.Currency}
	for _, kind := range []string{"oep", "aep"} {
		c := e.curve("gross", kind)
		if c == nil {
			continue
		}
		line := page.Line{Name: fmt.Sprintf("%s with its %.0f %% band", strings.ToUpper(kind), 100*e.curves.Basis.Confidence), Class: kind}
		for _, p := range c.Points {
			if p.Loss == nil {
				continue
			}
			at := page.Point{Period: p.ReturnPeriod, Loss: *p.Loss}
			if p.Low != nil && p.High != nil {
				at.Low, at.High = *p.Low, *p.High
			}
			line.Points = append(line.Points, at)
		}
		out.Lines = append(out.Lines, line)
	}
	if q := e.panels.named("gross_oep"); q != nil {
		for _, a := range q.Answers {
			if a.Kind == valueAtRisk {
				out.Marks = append(out.Marks, page.Mark{Period: a.ReturnPeriod, Value: a.Estimate.Value, Low: a.Estimate.Low, High: a.Estimate.High})
			}
		}
	}
	return out
}

// curveTables have every figure of the curves, gross and ground-up.
func (e *evidence) curveTables() (tables []page.Table) {
	b := e.curves.Basis
	band := fmt.Sprintf("%.0f %% band", 100*b.Confidence)
	for _, perspective := range []string{"gross", "ground_up"} {
		oep, aep := e.curve(perspective, "oep"), e.curve(perspective, "aep")
		if oep == nil || aep == nil {
			continue
		}
		t := page.Table{Caption: fmt.Sprintf("Return-period losses, %s, %s", strings.ReplaceAll(perspective, "_", "-"), b.Currency), Columns: []page.Column{
			{Text: "1 in", Number: true}, {Text: "OEP", Number: true}, {Text: band, Number: true}, {Text: "OEP TVaR", Number: true}, {Text: "AEP", Number: true}, {Text: band, Number: true},
			{Text: "AEP TVaR", Number: true},
		}}
		for i := range oep.Points {
			p := &oep.Points[i]
			row := []string{page.Amount(p.ReturnPeriod)}
			for _, at := range []*wire.CurvePoint{p, pointAt(aep, p.ReturnPeriod)} {
				row = append(row, pointCells(at)...)
			}
			t.Rows = append(t.Rows, row)
		}
		tables = append(tables, t)
	}
	if len(tables) > 0 {
		tables[len(tables)-1].Note = "Bands are for sampling over the simulated years. The error of the model itself is not in them. A dash: the catalogue is too short for the figure."
	}
	return tables
}

// pointCells are loss, band and tail value of a point.
func pointCells(p *wire.CurvePoint) []string {
	const none = "–"
	cells := []string{none, none, none}
	if p == nil {
		return cells
	}
	if p.Loss != nil {
		cells[0] = page.Amount(*p.Loss)
	}
	switch {
	case p.Low != nil && p.High != nil:
		cells[1] = page.Short(*p.Low) + " – " + page.Short(*p.High)
	case p.Low != nil:
		cells[1] = "above " + page.Short(*p.Low)
	}
	if p.TVaR != nil {
		cells[2] = page.Amount(*p.TVaR)
	}
	return cells
}

// partTables are the annual figures by line of business and by county.
func (e *evidence) partTables() (tables []page.Table) {
	b := e.metrics.Basis
	for _, level := range []struct{ name, caption string }{{"portfolio", "The portfolio"}, {"lob", "By line of business"}, {"county", "By county"}} {
		t := page.Table{Caption: level.caption + ", " + b.Currency, Columns: []page.Column{
			{Text: "Part"}, {Text: "Insured value", Number: true}, {Text: "AAL gross", Number: true}, {Text: "Standard error", Number: true}, {Text: "AAL ground-up", Number: true}, {Text: "SD gross", Number: true},
		}}
		for _, m := range e.metrics.Items {
			if m.Summary.Level == level.name {
				t.Rows = append(t.Rows, []string{partName(m.Summary), page.Amount(m.Summary.TIV), page.Amount(m.Gross.AAL), page.Amount(m.Gross.AALStandardError), page.Amount(m.GroundUp.AAL), page.Amount(m.Gross.SD)})
			}
		}
		if len(t.Rows) > 0 {
			tables = append(tables, t)
		}
	}
	if e.metrics.NextCursor != "" && len(tables) > 0 {
		tables[len(tables)-1].Note = fmt.Sprintf("The first %d parts; the tables of the run have all of them.", len(e.metrics.Items))
	}
	return tables
}

func partName(s wire.Summary) string {
	switch {
	case s.Level == "portfolio":
		return "all"
	case s.Name != "" && s.Name != s.Key:
		return s.Name + " (" + s.Key + ")"
	case s.Key == "":
		return "not given"
	}
	return s.Key
}

// sealed is what is said of the seal, its steps, and why it is broken.
func (e *evidence) sealed() (facts []page.Fact, checks *page.Table, broken string) {
	if e.Seal == nil {
		return []page.Fact{{Name: "Seal", Cell: page.Cell{Text: "none yet", Tag: "warn", Detail: "a run is sealed shortly after it is done"}}}, nil, ""
	}
	verdict := page.Cell{Text: "✓ valid, checked for this report", Tag: "ok"}
	for _, check := range e.verdict.Checks {
		if !check.OK && broken == "" {
			broken = page.Sentence(check.Name) + ": " + check.Reason + "."
			verdict = page.Cell{Text: "✗ broken", Tag: "error", Detail: broken}
		}
	}
	v := e.Seal.Value
	facts = []page.Fact{
		{Name: "Seal", Cell: verdict}, {Name: "Made", Cell: page.Cell{Text: page.Time(v.Made)}},
		{Name: "SHA-256 of the seal", Cell: page.Cell{Text: v.Digest.String(), Mono: true}}, {Name: "Key", Cell: page.Cell{Text: v.Key.String(), Mono: true}},
	}
	return facts, checksTable("Steps of the verification", viewed(e.verdict.Checks, checkView)), broken
}

// lineage is what the figures come from, by digest, and where that stands in the ledger.
func (e *evidence) lineage() []page.Fact {
	run := e.Run.Value
	mono := func(name, text string) page.Fact {
		return page.Fact{Name: name, Cell: page.Cell{Text: text, Mono: true}}
	}
	facts := []page.Fact{mono("Exposure", run.Exposure.String()), mono("Model", run.Model.String())}
	if e.verdict == nil || e.verdict.Statement == nil {
		return facts
	}
	p := &e.verdict.Statement.Predicate
	facts = append(facts, mono("Settings", p.SpecDigest.String()),
		page.Fact{Name: "Program", Cell: page.Cell{Text: fmt.Sprintf("engine %s, %s, commit %s", p.Build.Engine, p.Build.Go, orNone(p.Build.Commit))}},
		page.Fact{Name: "Ledger", Cell: page.Cell{Text: fmt.Sprintf("leaf %d of a tree of %d", p.Ledger.Index, p.Ledger.Size)}},
		mono("Root", hex.EncodeToString(p.Ledger.Root[:])))
	return facts
}

// commands verify the seal on another machine.
func (e *evidence) commands() []string {
	id := e.Run.ID.String()
	return []string{
		"curl -O https://APPLIANCE/.well-known/qrsd-keys.json",
		"curl -H \"Authorization: Bearer $KEY\" -o run.seal.json https://APPLIANCE" + api + "/runs/" + id + "/seal/file",
		"qrs-replay verify run.seal.json FILES... --keys qrsd-keys.json",
		"qrs-replay recompute run.seal.json --keys qrsd-keys.json --location location.csv",
	}
}

// reportLimits stand under every report.
func reportLimits() []string {
	return []string{
		"They are of simulated hurricanes. Florida only, wind only: storm surge, flood and tornadoes are not in them.",
		"The model is pending independent K=30 signoff unless its card says otherwise, and was not submitted to the Florida Commission on Hurricane Loss Projection Methodology.",
		"The quantum estimate is a check on a method and no part of the reported risk.",
		"A seal says which program computed them from what; not that they are right.",
	}
}
