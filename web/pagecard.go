package web

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/wire"
)

// showModelCard draws what is known of a model; "present" is the one that new runs get.
func (s *Server) showModelCard(ctx context.Context, c *Call, in struct {
	ID string `path:"id"`
}) (*Document, error) {
	if in.ID == "present" && s.options.Models != nil {
		in.ID = s.options.Models.Digest()
	}
	card, err := s.getModelCard(ctx, c, in)
	if err != nil {
		return nil, err
	}
	p := page.Card{
		Frame: s.readingFrame(c, "Model card: "+card.Region+" "+card.Peril),
		Facts: []page.Fact{
			{Name: "Model", Cell: page.Cell{Text: card.ID, Mono: true}}, {Name: "Engine", Cell: page.Cell{Text: card.Engine}},
			{Name: "Region", Cell: page.Cell{Text: card.Region}}, {Name: "Peril", Cell: page.Cell{Text: card.Peril}},
			{Name: "Parameters", Cell: page.Cell{Text: kindsOf(card.Parameters)}},
		},
		Uses: intendedUses(), Limits: card.Limits, Estimate: paragraphs(card.Estimate), Sources: sourcesTable(card.Sources), Stages: stageTables(card.Parameters),
		Measured: measuredTable(card.Performance),
	}
	p.Lead = "What the model is made of, what it is for and what not, and whether anybody independent stands behind its figures."
	p.Standing, p.Says, p.Release, p.Checks = standingOf(card)
	return s.draw(p)
}

// intendedUses say what the model is for; limits say what it does not do.
func intendedUses() []string {
	return []string{
		"To estimate annual losses and exceedance probabilities of portfolios of insured buildings in Florida from hurricane wind, for pricing, accumulation and reinsurance, by people who know catastrophe models.",
		"To compare portfolios, terms and settings with one another under one model.",
		"Not for a rate filing in Florida: the model was not submitted to the Commission on Hurricane Loss Projection Methodology.",
		"Not for forecasts of a season or warnings of a storm.",
	}
}

// standingOf is the sign-off in one word with its reason, and the meta-seal behind it.
func standingOf(card *wire.ModelCard) (tag page.Cell, says string, facts []page.Fact, checks *page.Table) {
	tag = page.Cell{Text: card.Signoff, Tag: "warn"}
	r := card.Release
	if r == nil {
		return tag, "Not validated: no independent laboratory has signed for the model's figures, and this appliance was given no meta-seal of the release. All events are simulated.",
			[]page.Fact{{Name: "Meta-seal", Cell: page.Cell{Text: "none was given to this appliance", Detail: "model.meta_seal of the configuration"}}}, nil
	}
	switch {
	case r.Valid && !r.Pending:
		tag.Tag = "ok"
		says = "An independent laboratory has signed for the benchmark of this model, with a key that the operator of this appliance trusts. All events are simulated."
	case r.Valid:
		says = "Not validated: the meta-seal of the release verifies, and " + r.Reason + ". All events are simulated."
	default:
		tag.Tag = "error"
		says = "Not validated: the meta-seal that this appliance was given says nothing of this model. " + page.Sentence(r.Reason) + ". All events are simulated."
	}
	verdict := page.Cell{Text: "verifies", Tag: "ok"}
	if !r.Valid {
		verdict = page.Cell{Text: "does not hold", Tag: "error", Detail: r.Reason}
	}
	facts = []page.Fact{
		{Name: "Meta-seal", Cell: verdict}, {Name: "Release", Cell: page.Cell{Text: orNone(r.Tag)}}, {Name: "Runs that verify", Cell: page.Cell{Text: fmt.Sprint(r.Runs)}},
		{Name: "Signed by laboratories", Cell: page.Cell{Text: orNone(strings.Join(r.By, ", "))}},
		{Name: "Plan and report", Cell: page.Cell{Text: "their digests are in the meta-seal; qrs-replay verify-meta-seal compares them with the files"}},
	}
	if r.Rollup != "" {
		facts = append(facts, page.Fact{Name: "Root over the seals", Cell: page.Cell{Text: r.Rollup, Mono: true}})
	}
	if len(r.Checks) > 0 {
		checks = checksTable("Steps of the verification", r.Checks)
	}
	return tag, says, facts, checks
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// checksTable are the steps of a verification.
func checksTable(caption string, checks []wire.SealCheck) *page.Table {
	t := &page.Table{Caption: caption, Columns: []page.Column{{Text: "Step"}, {Text: "Verdict"}, {Text: "What was compared"}}}
	for _, c := range checks {
		verdict, compared := "✓ holds", c.Got
		if !c.OK {
			verdict, compared = "✗ fails", c.Reason
			if c.Want != "" {
				compared += "; got " + c.Got + ", want " + c.Want
			}
		}
		t.Rows = append(t.Rows, []string{c.Name, verdict, compared})
	}
	return t
}

func kindsOf(all []wire.ModelParameter) string {
	count := map[string]int{}
	for _, p := range all {
		count[p.Kind]++
	}
	return fmt.Sprintf("%d: %d fitted, %d from the literature, %d by judgement", len(all), count["fitted"], count["literature"], count["judgement"])
}

func sourcesTable(all []wire.ModelSource) page.Table {
	t := page.Table{Caption: "What the parameters rest on", Columns: []page.Column{{Text: "Source"}, {Text: "Used in"}, {Text: "As"}, {Text: "Parameters", Number: true}}}
	for _, s := range all {
		t.Rows = append(t.Rows, []string{s.Source, strings.Join(s.Stages, ", "), strings.Join(s.Kinds, ", "), fmt.Sprint(s.Parameters)})
	}
	return t
}

// stageTables are the parameters by stage, in their order.
func stageTables(all []wire.ModelParameter) (tables []page.Table) {
	for _, p := range all {
		name := page.Sentence(p.Stage)
		at := slices.IndexFunc(tables, func(t page.Table) bool { return t.Caption == name })
		if at < 0 {
			at = len(tables)
			tables = append(tables, page.Table{Caption: name, Columns: []page.Column{
				{Text: "Parameter"}, {Text: "Symbol"}, {Text: "Distribution"}, {Text: "Value"}, {Text: "Unit"}, {Text: "Kind"}, {Text: "n"}, {Text: "Source"},
			}})
		}
		tables[at].Rows = append(tables[at].Rows, []string{p.Name, p.Symbol, p.Distribution, p.Value, p.Unit, p.Kind, p.N, p.Source})
	}
	return tables
}

func measuredTable(all []wire.Performance) *page.Table {
	if len(all) == 0 {
		return nil
	}
	t := &page.Table{Caption: "The benchmark's run of record", Columns: []page.Column{{Text: "What"}, {Text: "Measured"}, {Text: "Of what"}},
		Note: "Thirty runs with seeds of their own. Standard errors are of their mean; the error of the model itself is not in them."}
	for _, p := range all {
		t.Rows = append(t.Rows, []string{p.What, p.Measured, p.Of})
	}
	return t
}

// paragraphs are the parts of a text in Markdown without its marks: its first line is a heading of its own.
func paragraphs(text string) (all []string) {
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(part, "#") {
			continue
		}
		all = append(all, strings.NewReplacer("**", "", "`", "", "\n", " ").Replace(part))
	}
	return all
}
