package terms

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// A step pays for losses in a range: OED step policies, where the payout jumps with
// the loss. All figures are money.
type step struct {
	start, end             float64 // of the loss, start included
	amount, ofLoss         float64 // paid: an amount, or a fraction of the loss
	ded, limit             float64
	extraFactor, extraMost float64 // extra expenses: a fraction of the payout, up to an amount
	debris                 float64 // debris removal: a fraction on top of both
}

// payout is what the step pays of a loss: the amount or fraction less deductible, up
// to its limit, with extra expenses and debris removal on top. It may exceed the loss.
func (s *step) payout(loss float64) float64 {
	if loss <= 0 || loss < s.start || loss >= s.end {
		return 0
	}
	paid := min(max(s.amount+float64(s.ofLoss*loss)-s.ded, 0), s.limit)
	extra := min(float64(paid*s.extraFactor), s.extraMost)
	return float64((paid + extra) * (1 + s.debris))
}

// A stepGroup is the steps over some units of a layer.
type stepGroup struct {
	units []int32
	steps []step
}

// settle replaces the insured loss of the units by what the steps pay. A step policy
// has no deductibles or limits that a term above it could look at.
func (g *stepGroup) settle(units []balance) {
	loss, paid := 0.0, 0.0
	for _, u := range g.units {
		loss += units[u].insured
	}
	for i := range g.steps {
		paid += g.steps[i].payout(loss)
	}
	by := ratio(paid, loss)
	for _, u := range g.units {
		units[u] = balance{insured: float64(units[u].insured * by)}
	}
}

// A stepDraft is a stepGroup whose units are not yet known.
type stepDraft struct {
	coverages []exposure.Coverage
	steps     []step
}

// build turns drafts into groups over the coverages of the live locations.
func buildSteps(drafts []stepDraft, live []int) []stepGroup {
	var groups []stepGroup
	for _, d := range drafts {
		g := stepGroup{steps: d.steps}
		for _, c := range d.coverages {
			g.units = append(g.units, unitsOf(live, c, true)...)
		}
		groups = append(groups, g)
	}
	return groups
}

// stepTriggers are the coverage groups of an OED StepTriggerType with the part that
// names their columns. Coverages that no group names are not insured by a step
// policy, but for time element, which it leaves alone (Oasis financial module).
func stepTriggers(trigger int) []stepTrigger {
	building := stepTrigger{"Building", []exposure.Coverage{exposure.Building}}
	contents := stepTrigger{"Contents", []exposure.Coverage{exposure.Contents}}
	switch trigger {
	case 1:
		return []stepTrigger{building}
	case 2:
		return []stepTrigger{contents}
	case 3:
		return []stepTrigger{{"BuildingContents", []exposure.Coverage{exposure.Building, exposure.Contents}}}
	case 5:
		return []stepTrigger{building, contents}
	}
	return nil
}

type stepTrigger struct {
	name      string
	coverages []exposure.Coverage
}

// steps reads the step rows of a layer; nil where it has none.
func (c *compiler) steps(rows []exposure.AccountRow, live []int) []stepDraft {
	var drafts []stepDraft
	index := map[string]int{}
	for i := range rows {
		r := &rows[i]
		if !isStep(r) || !c.covers(r.PolPeril) {
			continue
		}
		s := stepRow{compiler: c, at: place{file: "account", line: r.Line}, columns: r.Step.Columns}
		triggers := stepTriggers(int(s.number("StepTriggerType")))
		s.check(triggers)
		for _, t := range triggers {
			k, seen := index[t.name]
			if !seen {
				k = len(drafts)
				index[t.name] = k
				drafts = append(drafts, stepDraft{coverages: t.coverages})
			}
			drafts[k].steps = append(drafts[k].steps, s.read(t, c.stepValue(live, t.coverages)))
		}
	}
	if len(drafts) == 0 {
		return nil
	}
	c.checkOverlap(rows, drafts)
	return append(drafts, stepDraft{coverages: untriggered(drafts)})
}

// untriggered are the property coverages that no step of the layer pays for.
func untriggered(drafts []stepDraft) []exposure.Coverage {
	rest := []exposure.Coverage{exposure.Building, exposure.Other, exposure.Contents}
	for _, d := range drafts {
		rest = slices.DeleteFunc(rest, func(c exposure.Coverage) bool { return slices.Contains(d.coverages, c) })
	}
	return rest
}

// stepValue is the insured value of some coverages.
func (c *compiler) stepValue(live []int, coverages []exposure.Coverage) float64 {
	sum := 0.0
	for _, k := range coverages {
		sum += c.value(live, k)
	}
	return sum
}

// checkOverlap faults steps of one coverage that pay for the same loss.
func (c *compiler) checkOverlap(rows []exposure.AccountRow, drafts []stepDraft) {
	for _, d := range drafts {
		for i := range d.steps {
			for j := range i {
				a, b := &d.steps[i], &d.steps[j]
				if a.start < b.end && b.start < a.end {
					at := place{file: "account", line: rows[0].Line}
					c.faults = append(c.faults, at.fault("policy "+rows[0].PolNumber, "two steps pay for the same loss",
						"let each step start where the one before ends", "Trigger*Start", "Trigger*End"))
					return
				}
			}
		}
	}
}

// isStep reports whether a row carries a step: a StepNumber alone does not make one.
func isStep(r *exposure.AccountRow) bool {
	if r.Step == nil {
		return false
	}
	for name, text := range r.Step.Columns {
		if name != "StepNumber" && name != "TriggerType" && name != "PayOutType" && isSet(text) {
			return true
		}
	}
	return false
}

// isSet reports whether the text of a column is neither empty nor zero.
func isSet(text string) bool {
	if text == "" {
		return false
	}
	x, err := strconv.ParseFloat(text, 64)
	return err != nil || x != 0
}

// A stepRow reads the columns of one step.
type stepRow struct {
	*compiler
	at      place
	columns map[string]string
}

// number is a column's value, 0 where it is empty.
func (s *stepRow) number(column string) float64 {
	text := s.columns[column]
	if text == "" {
		return 0
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= 0) || math.IsInf(x, 0) {
		s.faults = append(s.faults, s.at.fault(text, "not a number from 0 up", "correct it", column))
		return 0
	}
	return x
}

// refuse faults a column whose value is not calculated.
func (s *stepRow) refuse(column, reason, fix string) {
	s.faults = append(s.faults, s.at.fault(s.columns[column], reason, fix, column))
}

// Types of a step's trigger and payout (OED TriggerType, PayOutType).
const (
	stepAmount  = 0
	stepOfLoss  = 1 // payout only
	stepOfValue = 2
	stepOfLimit = 3 // payout only
)

// check faults what of a step is not calculated.
func (s *stepRow) check(triggers []stepTrigger) {
	if triggers == nil {
		s.refuse("StepTriggerType", "this trigger is not calculated", "use 1 building, 2 contents, 3 both together or 5 both apart")
	}
	if t := s.number("TriggerType"); t != stepAmount && t != stepOfValue {
		s.refuse("TriggerType", "this trigger type is not calculated", "use 0 (amount) or 2 (fraction of insured value)")
	}
	if t := s.number("PayOutType"); t > stepOfLimit {
		s.refuse("PayOutType", "this payout type is not calculated", "use 0 (amount), 1 (fraction of loss), 2 (of insured value) or 3 (of limit)")
	}
	for _, name := range [...]string{
		"PayOutBuildingEnd", "PayOutContentsEnd", "PayOutBuildingContentsEnd", "MinimumTIV", "ScaleFactor", "IsLimitAtDamage",
	} {
		if isSet(s.columns[name]) {
			s.refuse(name, fmt.Sprintf("%s is not calculated", name), "remove it, or split the step into steps of constant payout")
		}
	}
}

// read is the step over one coverage group; value is the insured value under it.
func (s *stepRow) read(t stepTrigger, value float64) step {
	x := step{
		start: s.number("Trigger" + t.name + "Start"), end: s.number("Trigger" + t.name + "End"),
		ded: s.number("Deductible" + t.name), limit: s.number("PayOutLimit" + t.name),
		extraFactor: s.number("ExtraExpenseFactor"), extraMost: s.number("ExtraExpenseLimit"),
		debris: s.number("DebrisRemovalFactor"),
	}
	if s.number("TriggerType") == stepOfValue {
		if x.end >= 1 { // the last step holds for a total loss, too
			x.end = math.Inf(1)
		}
		x.start, x.end = float64(x.start*value), float64(x.end*value)
	}
	if x.end == 0 || math.IsNaN(x.end) {
		x.end = math.Inf(1)
	}
	rate := s.number("PayOut" + t.name + "Start")
	switch s.number("PayOutType") {
	case stepOfLoss:
		x.ofLoss = rate
	case stepOfValue:
		x.amount = float64(rate * value)
	case stepOfLimit:
		x.amount = float64(rate * x.limit)
	default:
		x.amount = rate
	}
	if x.limit == 0 {
		x.limit = math.Inf(1)
	}
	if x.extraMost == 0 {
		x.extraMost = math.Inf(1)
	}
	return x
}
