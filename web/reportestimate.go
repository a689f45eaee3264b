package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/page"
)

// panels is what a report shows of a quantum estimate: its file is docs/quantum.md's format 1, of which this takes a part.
type panels struct {
	Format int     `json:"format"`
	Notice string  `json:"notice"`
	Panels []panel `json:"panels"`
}

type panel struct {
	Name       string  `json:"name"` // gross_oep and others
	Qubits     int     `json:"qubits"`
	Confidence float64 `json:"confidence"`
	Backend    struct {
		Name      string  `json:"name"`
		Simulated bool    `json:"simulated"`
		Cost      float64 `json:"cost_usd"`
	} `json:"backend"`
	Answers []answer `json:"answers"`
}

type answer struct {
	Kind         string  `json:"kind"`
	ReturnPeriod float64 `json:"return_period"`
	Exact        float64 `json:"exact"`
	Empirical    float64 `json:"empirical"`
	Estimate     struct {
		Value   float64 `json:"value"`
		Low     float64 `json:"low"`
		High    float64 `json:"high"`
		Reached bool    `json:"reached"`
		Queries int     `json:"queries"`
		Shots   int     `json:"shots"`
	} `json:"amplitude_estimate"`
}

// estimateFormat is the version of the file that this reads.
const estimateFormat = 1

// readPanels reads a run's estimate; nil: it has none.
func readPanels(f *workspace.Finished) (*panels, error) {
	for _, file := range f.Result.Files {
		from := f.File(file.Name)
		if file.Role != estimateRole || from == nil {
			continue
		}
		if _, err := from.Seek(0, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
		text, err := readReport(from)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
		var p panels
		if err := json.Unmarshal(text, &p); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
		if p.Format != estimateFormat {
			return nil, fmt.Errorf("%s: format %d, and this version reads %d", file.Name, p.Format, estimateFormat)
		}
		return &p, nil
	}
	return nil, nil
}

// named is the panel of a name; nil: there is none.
func (p *panels) named(name string) *panel {
	if p == nil {
		return nil
	}
	if at := slices.IndexFunc(p.Panels, func(one panel) bool { return one.Name == name }); at >= 0 {
		return &p.Panels[at]
	}
	return nil
}

// of is the answer of one kind for a return period; nil: it was not asked.
func (p *panel) of(kind string, period float64) *answer {
	if p == nil {
		return nil
	}
	if at := slices.IndexFunc(p.Answers, func(a answer) bool { return a.Kind == kind && a.ReturnPeriod == period }); at >= 0 {
		return &p.Answers[at]
	}
	return nil
}

const valueAtRisk = "value_at_risk"

// section draws the panels: a table of losses by return period for each.
func (p *panels) section() *page.Quantum {
	q := &page.Quantum{Notice: p.Notice}
	for i := range p.Panels {
		one := &p.Panels[i]
		if i == 0 {
			q.Facts = []page.Fact{
				{Name: "Backend", Cell: page.Cell{Text: one.Backend.Name + ", " + simulated(one.Backend.Simulated)}},
				{Name: "Qubits", Cell: page.Cell{Text: fmt.Sprintf("%d, of %d bins; circuits have one more", one.Qubits, 1<<one.Qubits)}},
				{Name: "Cost", Cell: page.Cell{Text: fmt.Sprintf("%.2f USD", one.Backend.Cost)}},
			}
		}
		t := page.Table{Caption: "Loss by return period, " + strings.ReplaceAll(one.Name, "_", " "), Columns: []page.Column{
			{Text: "1 in", Number: true}, {Text: "Quantum estimate", Number: true}, {Text: fmt.Sprintf("%.0f %% interval", 100*one.Confidence), Number: true},
			{Text: "Exact sum of the bins", Number: true}, {Text: "Without bins", Number: true}, {Text: "Queries", Number: true},
		}}
		for _, a := range one.Answers {
			if a.Kind == valueAtRisk {
				t.Rows = append(t.Rows, a.row())
			}
		}
		if len(t.Rows) > 0 {
			q.Tables = append(q.Tables, t)
		}
	}
	return q
}

func (a *answer) row() []string {
	value := page.Amount(a.Estimate.Value)
	if !a.Estimate.Reached {
		value += " (stopped early)"
	}
	return []string{
		page.Amount(a.ReturnPeriod), value, page.Amount(a.Estimate.Low) + " – " + page.Amount(a.Estimate.High), page.Amount(a.Exact), page.Amount(a.Empirical),
		page.Amount(float64(a.Estimate.Queries)),
	}
}

func simulated(is bool) string {
	if is {
		return "simulated on this host: no device was asked"
	}
	return "a device"
}
