package terms

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// A draft is a policy layer whose units are not yet known.
type draft struct {
	excluded                 []int // location rows outside a policy restriction
	rungs                    []rung
	steps                    []stepDraft
	attachment, limit, share float64
}

// full reports whether the layer pays the whole loss of the account.
func (d *draft) full() bool {
	return len(d.excluded)+len(d.rungs)+len(d.steps) == 0 && d.attachment == 0 && math.IsInf(d.limit, 1) && d.share == 1
}

// build turns a draft into a layer.
func (d *draft) build(live []int, each bool) layer {
	return layer{
		excluded:   unitsOf(d.excluded, exposure.All, each),
		groups:     build(d.rungs, live, each),
		steps:      buildSteps(d.steps, live),
		attachment: d.attachment, limit: d.limit, share: d.share,
	}
}

// layers reads the account file rows into policy layers, in the order of policy
// and layer numbers. A policy that does not cover the peril is no layer. Of layers that
// pay the whole loss only one counts: a loss is indemnified once (case acc102).
func (c *compiler) layers(sites []site) []draft {
	rows := slices.Clone(c.account.Rows)
	slices.SortStableFunc(rows, func(a, b exposure.AccountRow) int {
		return cmp.Or(cmp.Compare(a.PolNumber, b.PolNumber), cmp.Compare(a.LayerNumber, b.LayerNumber), cmp.Compare(a.Line, b.Line))
	})
	tags := c.tags(sites, rows)
	var drafts []draft
	for first := 0; first < len(rows); {
		last := first + 1
		for last < len(rows) && rows[last].PolNumber == rows[first].PolNumber && rows[last].LayerNumber == rows[first].LayerNumber {
			last++
		}
		if covering := c.covering(rows[first:last]); len(covering) > 0 {
			d := c.layer(covering, tags, sites)
			if !d.full() || !slices.ContainsFunc(drafts, func(other draft) bool { return other.full() }) {
				drafts = append(drafts, d)
			}
		}
		first = last
	}
	return drafts
}

// covering are the rows whose policy covers the peril.
func (c *compiler) covering(rows []exposure.AccountRow) []exposure.AccountRow {
	var keep []exposure.AccountRow
	for _, r := range rows {
		if c.covers(r.PolPerilsCovered) {
			keep = append(keep, r)
		}
	}
	return keep
}

// layer reads the rows of one layer.
func (c *compiler) layer(rows []exposure.AccountRow, tags *tagging, sites []site) draft {
	r := &rows[0]
	d := draft{attachment: r.LayerAttachment, limit: r.LayerLimit, share: r.LayerParticipation}
	if d.share == 0 && c.ZeroShareIsFull {
		d.share = 1
	}
	if d.limit == 0 {
		d.limit = math.Inf(1)
	}
	c.checkLayer(rows)
	var conditions map[string]*exposure.AccountRow
	conditions, d.excluded = c.conditions(rows, tags)
	d.rungs = c.conditionRungs(conditions, tags)
	live := c.live(sites)
	if own := c.agreed(rows, "Pol", policyTerms); own != nil {
		d.rungs = append(d.rungs, c.rungs(place{"account", own.Line, "Pol"}, own.Policy, live)...)
	}
	d.steps = c.steps(rows, live)
	return d
}

// checkLayer faults rows of one layer that contradict each other.
func (c *compiler) checkLayer(rows []exposure.AccountRow) {
	a := &rows[0]
	for i := range rows[1:] {
		b := &rows[i+1]
		if a.LayerAttachment != b.LayerAttachment || a.LayerLimit != b.LayerLimit || a.LayerParticipation != b.LayerParticipation {
			c.contradicts(a, b, "LayerAttachment", "LayerLimit", "LayerParticipation")
		}
	}
}

// contradicts faults two rows that should say the same.
func (c *compiler) contradicts(a, b *exposure.AccountRow, columns ...string) {
	at := place{file: "account", line: b.Line}
	c.faults = append(c.faults, at.fault("policy "+b.PolNumber+", layer "+strconv.Itoa(b.LayerNumber),
		fmt.Sprintf("differs from line %d of the same layer or account", a.Line),
		"give the rows the same terms, or another PolNumber or LayerNumber", columns...))
}

// A termSet picks the terms of a level from a row, with the perils they are for.
type termSet func(*exposure.AccountRow) ([]exposure.CoverageTerms, string)

func policyTerms(r *exposure.AccountRow) ([]exposure.CoverageTerms, string) {
	return r.Policy, r.PolPeril
}

func accountTerms(r *exposure.AccountRow) ([]exposure.CoverageTerms, string) {
	return r.Account, r.AccPeril
}

// agreed is the row whose terms of a level hold for the peril; all rows for which
// they do must agree. It is nil where none does.
func (c *compiler) agreed(rows []exposure.AccountRow, prefix string, of termSet) *exposure.AccountRow {
	var found *exposure.AccountRow
	for i := range rows {
		terms, peril := of(&rows[i])
		if !c.covers(peril) {
			continue
		}
		if found == nil {
			found = &rows[i]
		} else if first, _ := of(found); !sameTerms(first, terms) {
			c.contradicts(found, &rows[i], prefix+"Ded*", prefix+"Limit*")
		}
	}
	return found
}

// sameTerms compares two sets of terms, whatever their order and without the empty ones.
func sameTerms(a, b []exposure.CoverageTerms) bool {
	tidy := func(terms []exposure.CoverageTerms) []exposure.CoverageTerms {
		var kept []exposure.CoverageTerms
		for _, t := range terms {
			if t.Ded != 0 || t.MinDed != 0 || t.MaxDed != 0 || t.Limit != 0 {
				kept = append(kept, t)
			}
		}
		slices.SortFunc(kept, func(x, y exposure.CoverageTerms) int { return cmp.Compare(x.Coverage, y.Coverage) })
		return kept
	}
	return slices.Equal(tidy(a), tidy(b))
}

// rungs reads one level's terms over some locations: coverages, then PD, then all.
func (c *compiler) rungs(at place, terms []exposure.CoverageTerms, rows []int) []rung {
	sorted := slices.Clone(terms)
	slices.SortStableFunc(sorted, func(a, b exposure.CoverageTerms) int { return cmp.Compare(a.Coverage, b.Coverage) })
	var rungs []rung
	for _, ct := range sorted {
		if t := c.term(at, ct, c.value(rows, ct.Coverage)); !t.empty() {
			rungs = append(rungs, rung{ct.Coverage, rows, t})
		}
	}
	return rungs
}

// accountTerms reads the terms over all layers of the account, and its share.
func (c *compiler) accountTerms(sites []site) ([]rung, float64) {
	rows := c.account.Rows
	for i := range rows[1:] {
		if rows[0].AccParticipation != rows[i+1].AccParticipation {
			c.contradicts(&rows[0], &rows[i+1], "AccParticipation")
		}
	}
	own := c.agreed(rows, "Acc", accountTerms)
	if own == nil {
		return nil, rows[0].AccParticipation
	}
	return c.rungs(place{"account", own.Line, "Acc"}, own.Account, c.live(sites)), own.AccParticipation
}
