package exposure

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
)

func (im *importer) readAccounts(src *Source) error {
	complete, err := readTable(im, src, tableReader[accountRow]{
		kind: accountFile, bindings: accountBindings(), keys: []string{"PortNumber", "AccNumber", "PolNumber"}, badRows: im.opt.BadAccounts,
		bound: func(t *table[accountRow], bad *badRows) { im.accTable, im.badAcc = t, bad },
		row: func(line int, fields []string, row *accountRow, fault rowFault) {
			before := im.find.count
			row.Line = line
			im.checkAccountRow(src, row, fault)
			fresh := im.placeAccountKey(row, fault)
			if fresh && im.find.count == before {
				im.takeAccountRow(src, fields, row)
			}
		},
	})
	im.accountFile = complete
	return err
}

// checkAccountRow makes the checks that need only the row.
func (im *importer) checkAccountRow(src *Source, r *accountRow, fault rowFault) {
	if r.PolPerilsCovered == "" && !im.accTable.has("PolPerilsCovered") {
		r.PolPerilsCovered = r.PolPeril
		im.find.warn(Warning{File: src.Name, Column: "PolPeril", Line: r.Line, Value: r.PolPeril,
			Reason: "taken for PolPerilsCovered, which the file lacks"})
	}
	r.CoversWind = im.takePerils("PolPerilsCovered", r.PolPerilsCovered, fault).wind()
	r.PolicyForWind = forWind(r.PolPeril, im.takePerils("PolPeril", r.PolPeril, fault))
	r.AccountForWind = forWind(r.AccPeril, im.takePerils("AccPeril", r.AccPeril, fault))
	r.cond.ForWind = forWind(r.cond.Peril, im.takePerils("CondPeril", r.cond.Peril, fault))
	im.takeCurrency("AccCurrency", r.currency, fault)
	im.takeVersion(src.Name, r.Line, r.version)
	r.policy.check("Pol", r.PolPeril, fault)
	r.account.check("Acc", r.AccPeril, fault)
	r.condition.check("Cond", r.cond.Peril, fault)
	r.checkCondition(fault)
	r.checkStep(fault)
	checkPeriod(r.inception, r.expiry, "PolInceptionDate", "PolExpiryDate", fault)
}

// checkCondition makes sure that the terms of a condition can find their locations.
func (r *accountRow) checkCondition(fault rowFault) {
	if r.cond.Tag != "" {
		return
	}
	for i := range r.condition {
		if r.condition[i].hasAmount() {
			fault("CondTag", "", "a condition has terms but no tag to find its locations by", "fill CondTag here and on the locations")
			return
		}
	}
}

// checkStep requires the columns that say what a step's numbers mean.
func (r *accountRow) checkStep(fault rowFault) {
	if !r.stepped {
		return
	}
	for _, name := range [...]string{"StepFunctionName", "StepTriggerType", "StepNumber"} {
		if r.Step.Columns[name] == "" {
			fault(name, "", "a step policy's required value is missing", "fill it in, or clear the step columns of the row")
		}
	}
}

// placeAccountKey remembers the row's account and policy, and reports whether it is the
// first row of its key.
func (im *importer) placeAccountKey(r *accountRow, fault rowFault) (fresh bool) {
	if r.port == "" || r.acc == "" || r.PolNumber == "" {
		return false // reported as missing
	}
	account := im.key(r.port, r.acc)
	if _, known := im.accounts[account]; !known {
		im.accounts[account] = accountSeen{line: lineNumber(r.Line), port: strings.Clone(r.port), acc: strings.Clone(r.acc)}
	}
	im.policies[im.key(r.port, r.acc, r.PolNumber)] = struct{}{}
	key := im.key(r.port, r.acc, r.PolNumber, strconv.Itoa(r.LayerNumber), r.PolPeril, r.AccPeril, r.cond.Tag, r.cond.Number, r.cond.Peril, r.stepKey())
	im.scratch = r.appendContent(im.scratch[:0])
	content := sha256.Sum256(im.scratch)
	now := accountRowSeen{line: lineNumber(r.Line), content: binary.BigEndian.Uint64(content[:8])}
	before, twice := im.accountRows[key]
	switch {
	case !twice:
		im.accountRows[key] = now
		return true
	case im.opt.AnyCountry && before.content == now.content:
		im.find.warn(Warning{File: im.accTable.name, Column: "PolNumber", Line: r.Line, Value: r.PolNumber, Reason: "the same row again; read once"})
	default:
		fault("PolNumber", r.PolNumber, "a duplicate of line "+strconv.Itoa(int(before.line))+": the same account, policy, layer, perils, condition and step",
			"remove one of the rows, or number the layers apart")
	}
	return false
}

// stepKey tells the steps of a policy apart.
func (r *accountRow) stepKey() string {
	if r.Step == nil {
		return ""
	}
	return r.Step.Columns["StepNumber"] + "/" + r.Step.Columns["StepTriggerType"] + "/" + r.Step.Columns["StepFunctionName"]
}

// takeAccountRow keeps a row without faults.
func (im *importer) takeAccountRow(src *Source, fields []string, r *accountRow) {
	if !r.CoversWind && !im.opt.AnyCountry {
		im.find.warn(Warning{File: src.Name, Column: "PolPerilsCovered", Line: r.Line, Value: r.PolPerilsCovered,
			Reason: "wind (WTC) is not covered: this model gives the policy no loss"})
	}
	if !im.storing() {
		return
	}
	im.rows = append(im.rows, accountEntry{port: im.text.text(r.port), acc: im.text.text(r.acc), row: r.finish(&im.text, &im.terms)})
	im.accTable.keepText(fields)
}

// unusedAccounts reports the accounts that no location names. Their rows are gone by then, so
// that the bad row written has the two key columns only.
func (im *importer) unusedAccounts(file string) error {
	for _, seen := range im.sortedUnused() {
		const reason = "no location has this account"
		im.find.fault(Fault{File: file, Line: int(seen.line), Column: "AccNumber", Value: seen.acc,
			Reason: reason, Fix: "add its locations, or remove the account"})
		fields := make([]string, len(im.badAcc.header))
		for i := range fields {
			switch i {
			case im.accTable.index["portnumber"]:
				fields[i] = seen.port
			case im.accTable.index["accnumber"]:
				fields[i] = seen.acc
			}
		}
		if err := im.badAcc.row(int(seen.line), fields, []string{"AccNumber: " + reason}); err != nil {
			return err
		}
	}
	return nil
}
