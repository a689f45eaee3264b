package exposure

import (
	"maps"
	"strconv"
	"strings"
)

// accountRow is a row of an account file being read.
type accountRow struct {
	AccountRow
	port, acc, currency, version string
	inception, expiry            string
	policy, account, condition   termSet
	cond                         Condition
	stepped                      bool // a step function or an amount of one is given
}

// stepColumns are the columns of a step policy, in OED's order.
var stepColumns = []string{
	"StepFunctionName", "StepTriggerType", "StepNumber", "PayOutType", "TriggerType",
	"TriggerBuildingStart", "TriggerBuildingEnd", "DeductibleBuilding", "PayOutBuildingStart", "PayOutBuildingEnd", "PayOutLimitBuilding",
	"TriggerContentsStart", "TriggerContentsEnd", "DeductibleContents", "PayOutContentsStart", "PayOutContentsEnd", "PayOutLimitContents",
	"TriggerBuildingContentsStart", "TriggerBuildingContentsEnd", "DeductibleBuildingContents",
	"PayOutBuildingContentsStart", "PayOutBuildingContentsEnd", "PayOutLimitBuildingContents",
	"ExtraExpenseFactor", "ExtraExpenseLimit", "DebrisRemovalFactor", "MinimumTIV", "ScaleFactor", "IsLimitAtDamage",
}

// accountBindings are the columns of an account file that reach an AccountRow.
func accountBindings() map[string]binding[accountRow] {
	type row = accountRow
	b := map[string]binding[row]{
		"PortNumber":         setText(func(r *row) *string { return &r.port }),
		"AccNumber":          setText(func(r *row) *string { return &r.acc }),
		"AccCurrency":        setText(func(r *row) *string { return &r.currency }),
		"AccPeril":           setText(func(r *row) *string { return &r.AccPeril }),
		"AccParticipation":   setNumber(func(r *row) *float64 { return &r.AccParticipation }),
		"PolNumber":          setText(func(r *row) *string { return &r.PolNumber }),
		"PolPerilsCovered":   setText(func(r *row) *string { return &r.PolPerilsCovered }),
		"PolPeril":           setText(func(r *row) *string { return &r.PolPeril }),
		"PolInceptionDate":   setText(func(r *row) *string { return &r.inception }),
		"PolExpiryDate":      setText(func(r *row) *string { return &r.expiry }),
		"LOB":                setText(func(r *row) *string { return &r.LOB }),
		"LayerNumber":        setInt(func(r *row) *int { return &r.LayerNumber }),
		"LayerParticipation": setNumber(func(r *row) *float64 { return &r.LayerParticipation }),
		"LayerLimit":         setNumber(func(r *row) *float64 { return &r.LayerLimit }),
		"LayerAttachment":    setNumber(func(r *row) *float64 { return &r.LayerAttachment }),
		"CondTag":            setText(func(r *row) *string { return &r.cond.Tag }),
		"CondNumber":         setText(func(r *row) *string { return &r.cond.Number }),
		"CondName":           setText(func(r *row) *string { return &r.cond.Name }),
		"CondPeril":          setText(func(r *row) *string { return &r.cond.Peril }),
		"CondPriority":       setInt(func(r *row) *int { return &r.cond.Priority }),
		"CondClass":          setCode(func(r *row) *uint8 { return &r.cond.Class }),
		"OEDVersion":         setText(func(r *row) *string { return &r.version }),
	}
	bindTerms(b, "Pol", func(r *row) *termSet { return &r.policy })
	bindTerms(b, "Acc", func(r *row) *termSet { return &r.account })
	bindTerms(b, "Cond", func(r *row) *termSet { return &r.condition })
	bindSteps(b)
	return b
}

// bindSteps adds the step columns, whose values are kept as text: a row without a step
// often carries zeros or a lone TriggerType in them.
func bindSteps(b map[string]binding[accountRow]) {
	for _, name := range stepColumns {
		spec := oed().columns[accountFile][strings.ToLower(name)]
		put := func(r *accountRow, s string) {
			if r.Step == nil {
				r.Step = &Step{Columns: map[string]string{}}
			}
			r.Step.Columns[name] = strings.Clone(s)
			switch name {
			case "StepTriggerType", "StepNumber", "TriggerType", "PayOutType":
				// They qualify a step; rows without one carry them too.
			default:
				r.stepped = true
			}
		}
		if spec.kind == text {
			b[name] = binding[accountRow]{text: put, zeroIsBlank: true}
			continue
		}
		standard, _ := strconv.ParseFloat(spec.defaultText, 64) // no default: 0
		b[name] = binding[accountRow]{zeroIsBlank: true, number: func(r *accountRow, v float64) {
			if v != 0 && v != standard {
				put(r, formatNumber(v))
			}
		}}
	}
}

// finish gives the row its terms, condition and step with strings of their own.
func (r *accountRow) finish(in *interner, terms *termInterner) AccountRow {
	row := r.AccountRow
	for _, s := range [...]*string{&row.PolNumber, &row.LOB, &row.PolPerilsCovered, &row.PolPeril, &row.AccPeril} {
		*s = in.text(*s)
	}
	row.Policy, row.Account = terms.shared(&r.policy), terms.shared(&r.account)
	row.Condition, row.Step = nil, nil
	if r.hasCondition() {
		c := r.cond
		c.Tag, c.Number, c.Name, c.Peril = in.text(c.Tag), in.text(c.Number), in.text(c.Name), in.text(c.Peril)
		c.Terms = terms.shared(&r.condition)
		row.Condition = &c
	}
	if r.stepped {
		row.Step = &Step{Columns: maps.Clone(r.Step.Columns)}
	}
	return row
}

// appendContent adds an encoding of the whole row but its line, to compare two rows by.
func (r *accountRow) appendContent(b []byte) []byte {
	plain := r.AccountRow
	plain.Policy, plain.Account, plain.Condition, plain.Step = nil, nil, nil, nil
	b = plain.append(b)
	b = encoder(b).text(r.cond.Tag, r.cond.Number, r.cond.Name, r.cond.Peril).number(r.cond.Priority, int(r.cond.Class))
	for _, set := range [...]*termSet{&r.policy, &r.account, &r.condition} {
		for i := range set {
			b = set[i].append(b)
		}
	}
	if r.Step != nil {
		b = encoder(b).step(r.Step)
	}
	return b
}

// hasCondition reports whether the row carries a special condition: a tag, a number, a
// class or a term of one.
func (r *accountRow) hasCondition() bool {
	if r.cond.Tag != "" || r.cond.Number != "" || r.cond.Class != 0 {
		return true
	}
	for i := range r.condition {
		if r.condition[i].hasTerm() {
			return true
		}
	}
	return false
}
