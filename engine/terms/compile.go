package terms

import (
	"math"
	"strconv"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// Options choose what [Compile] enforces.
type Options struct {
	// AnyPeril takes every location, policy and term as covering the peril of the
	// loss. Without it only what covers wind of tropical cyclones counts.
	AnyPeril bool
	// ZeroShareIsFull reads a LayerParticipation of 0 as not given, that is 1, as the
	// Oasis financial module does. Without it such a layer pays nothing.
	ZeroShareIsFull bool
}

// A Program holds the compiled terms of a portfolio. It does not change and may be
// used by several goroutines, each with its own [Scratch].
type Program struct {
	accounts []account
}

// An account is one account of the program. Flat accounts, the many, keep no ladder.
type account struct {
	form    form
	rows    int   // locations
	flat    *Flat // where form is formFlat
	*ladder       // else
}

// A ladder is what the forms but formFlat climb.
type ladder struct {
	sites   []site // one per location row
	bare    bool   // no account file row: location terms only
	layers  []layer
	groups  []group // account coverage, PD, all: over the layers together
	share   float64 // AccParticipation
	each    bool    // units are coverages of locations, else locations
	bounded bool    // some term is a minimum or maximum deductible

	schedule []flatSite // where form is formBlanket and all locations have the usual terms
}

// A form is a way to calculate an account; all give the same numbers.
type form uint8

const (
	formLadder  form = iota // a balance per unit and rung
	formBlanket             // terms above the location see the account's sum only
	formFlat                // one location, one layer
)

// Compile reads the terms of every account of a portfolio. The error is a [Faults]
// that holds every term that cannot be calculated; then there is no program.
func Compile(p *exposure.Portfolio, o Options) (*Program, error) {
	program := &Program{accounts: make([]account, len(p.Accounts))}
	var faults Faults
	for i := range p.Accounts {
		a := &p.Accounts[i]
		c := compiler{Options: o, account: a, locations: p.Locations[a.First : a.First+a.Count]}
		program.accounts[i] = c.compile()
		faults = append(faults, c.faults...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return program, nil
}

// A compiler reads one account.
type compiler struct {
	Options
	account   *exposure.Account
	locations []exposure.Location
	faults    Faults
	onLadder  bool // always the general form, for tests
}

// A rung is a term with the location rows it is over, before units are known.
type rung struct {
	coverage exposure.Coverage
	rows     []int
	term     term
}

// compile builds the ladder of the account and chooses its form.
func (c *compiler) compile() account {
	a := account{rows: len(c.locations), ladder: &ladder{bare: len(c.account.Rows) == 0, share: 1}}
	a.sites = c.sites()
	layers := c.layers(a.sites)
	var above []rung
	if !a.bare {
		above, a.share = c.accountTerms(a.sites)
	}
	a.each = hasCoverages(above) || c.onLadder
	for _, l := range layers {
		a.each = a.each || hasCoverages(l.rungs) || len(l.steps) > 0
	}
	live := c.live(a.sites)
	for _, l := range layers {
		a.layers = append(a.layers, l.build(live, a.each))
	}
	a.groups = build(above, live, a.each)
	a.bounded = a.anyBounded()
	if !c.onLadder {
		a.chooseForm()
	}
	return a
}

// hasCoverages reports whether a rung is over less than all coverages.
func hasCoverages(rungs []rung) bool {
	for _, r := range rungs {
		if r.coverage != exposure.All {
			return true
		}
	}
	return false
}

// build turns rungs into groups of units.
func build(rungs []rung, live []int, each bool) []group {
	groups := make([]group, len(rungs))
	for i, r := range rungs {
		groups[i] = group{
			units: unitsOf(r.rows, r.coverage, each),
			whole: r.coverage == exposure.All && len(r.rows) == len(live),
			term:  r.term,
		}
	}
	return groups
}

// unitsOf are the units of a coverage group of some locations.
func unitsOf(rows []int, coverage exposure.Coverage, each bool) []int32 {
	var units []int32
	for _, row := range rows {
		if !each {
			units = append(units, int32(row))
			continue
		}
		for _, k := range members(coverage) {
			units = append(units, int32(row*exposure.NumTIV+k))
		}
	}
	return units
}

// members are the coverages of a coverage group, counted from 0.
func members(c exposure.Coverage) []int {
	switch c {
	case exposure.PD:
		return []int{0, 1, 2}
	case exposure.All:
		return []int{0, 1, 2, 3}
	}
	return []int{int(c) - 1}
}

// value is the insured value of a coverage group of some locations.
func (c *compiler) value(rows []int, coverage exposure.Coverage) float64 {
	sum := 0.0
	for _, row := range rows {
		for _, k := range members(coverage) {
			sum += c.locations[row].TIV[k]
		}
	}
	return sum
}

// live are the rows that can have an insured loss.
func (c *compiler) live(sites []site) []int {
	var rows []int
	for i := range sites {
		if !sites[i].idle {
			rows = append(rows, i)
		}
	}
	return rows
}

// sites reads the location terms. Where a location has several rows, one for each
// of its condition tags, the first stands for it and the others are idle.
func (c *compiler) sites() []site {
	sites := make([]site, len(c.locations))
	for i := range c.locations {
		l := &c.locations[i]
		repeated := i > 0 && c.locations[i-1].LocNumber == l.LocNumber
		if repeated {
			c.sameLocation(&c.locations[i-1], l)
		}
		sites[i] = c.site(i, l)
		sites[i].idle = repeated || !c.covers(l.PerilsCovered)
	}
	return sites
}

// covers reports whether a list of perils covers the peril of the loss.
func (c *compiler) covers(perils string) bool { return c.AnyPeril || coversWind(perils) }

// sameLocation faults two rows of one location with different values or terms.
func (c *compiler) sameLocation(a, b *exposure.Location) {
	same := a.TIV == b.TIV && sameTerms(a.Terms, b.Terms) && a.Participation == b.Participation &&
		a.BIPOI == b.BIPOI && a.BIWaitingPeriod == b.BIWaitingPeriod && a.Peril == b.Peril && a.PerilsCovered == b.PerilsCovered
	if !same {
		at := place{file: "location", line: b.Line}
		c.faults = append(c.faults, at.fault(b.LocNumber,
			"the location has another row (line "+strconv.Itoa(a.Line)+") with other insured values, perils or terms",
			"repeat a location only to give it a further CondTag, with the same values", "LocNumber"))
	}
}

// site reads the terms of one location row.
func (c *compiler) site(row int, l *exposure.Location) site {
	s := site{share: l.Participation, pd: noTerm(), all: noTerm()}
	for k := range s.coverage {
		s.coverage[k] = noTerm()
	}
	s.waiting = l.BIWaitingPeriod * l.TIV[3] / daysOfYear
	s.indemnity = math.Inf(1)
	if l.BIPOI > 0 {
		s.indemnity = l.TIV[3] * l.BIPOI / daysOfYear
	}
	s.hasInterruption = s.waiting > 0 || l.BIPOI > 0 && l.BIPOI < daysOfYear
	if !c.covers(l.Peril) {
		return s
	}
	for _, ct := range l.Terms {
		t := c.term(place{"location", l.Line, "Loc"}, ct, c.value([]int{row}, ct.Coverage))
		if t.empty() {
			continue
		}
		switch ct.Coverage {
		case exposure.PD:
			s.pd, s.hasPD = t, true
		case exposure.All:
			s.all, s.hasAll = t, true
		default:
			s.coverage[ct.Coverage-1], s.hasCoverage = t, true
		}
	}
	return s
}

// daysOfYear turns a waiting period or period of indemnity into a fraction of the
// business-interruption value, which is of one year (OED BIWaitingPeriod, BIPOI).
const daysOfYear = 365

// anyBounded reports whether the account has a minimum or maximum deductible.
func (a *ladder) anyBounded() bool {
	for i := range a.sites {
		if a.sites[i].bounded() {
			return true
		}
	}
	for i := range a.layers {
		if boundedGroups(a.layers[i].groups) {
			return true
		}
	}
	return boundedGroups(a.groups)
}

// boundedGroups reports whether a term of the groups is bounded.
func boundedGroups(groups []group) bool {
	for i := range groups {
		if groups[i].term.bounded() {
			return true
		}
	}
	return false
}
