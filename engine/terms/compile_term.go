package terms

import (
	"fmt"
	"math"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// suffix is the end of the OED column names of a coverage group.
func suffix(c exposure.Coverage) string {
	return [...]string{"", "1Building", "2Other", "3Contents", "4BI", "5PD", "6All"}[c]
}

// OED deductible codes that are calculated (DedCode).
const (
	dedRegular   = 0
	dedFranchise = 2
)

// term reads the deductible and limit of one coverage group; value is the insured
// value under it, of which percentages are taken (OED DedType 2, LimitType 2).
func (c *compiler) term(at place, ct exposure.CoverageTerms, value float64) term {
	t := noTerm()
	before := len(c.faults)
	c.checkDeductible(at, ct)
	c.checkLimit(at, ct)
	if len(c.faults) > before {
		return t
	}
	switch ct.DedType {
	case exposure.Amount:
		t.ded = ct.Ded
	case exposure.ShareOfLoss:
		t.dedOfLoss = ct.Ded
	case exposure.ShareOfValue:
		t.ded = float64(ct.Ded * value)
	}
	t.franchise = ct.DedCode == dedFranchise && ct.Ded > 0
	t.minDed = ct.MinDed
	if ct.MaxDed > 0 {
		t.maxDed = ct.MaxDed
	}
	if ct.Limit > 0 {
		switch ct.LimitType {
		case exposure.Amount:
			t.limit = ct.Limit
		case exposure.ShareOfLoss:
			t.limitOfLoss = ct.Limit
		case exposure.ShareOfValue:
			t.limit = float64(ct.Limit * value)
		}
	}
	return t
}

// checkDeductible faults what of a deductible cannot be calculated.
func (c *compiler) checkDeductible(at place, ct exposure.CoverageTerms) {
	if ct.Ded == 0 && ct.MinDed == 0 && ct.MaxDed == 0 {
		return
	}
	end := suffix(ct.Coverage)
	fault := func(name, value, reason, fix string) {
		c.faults = append(c.faults, at.fault(value, reason, fix, at.prefix+name+end))
	}
	c.checkAmounts(at, end, "Ded", ct.Ded, "MinDed", ct.MinDed, "MaxDed", ct.MaxDed)
	if ct.DedCode != dedRegular && ct.DedCode != dedFranchise {
		fault("DedCode", fmt.Sprint(ct.DedCode), dedCodeName(ct.DedCode)+" is not calculated",
			"use code 0 (regular) or 2 (franchise)")
	}
	if ct.DedType > exposure.ShareOfValue {
		fault("DedType", fmt.Sprint(ct.DedType), "this deductible type is not calculated",
			"use 0 (amount), 1 (fraction of loss) or 2 (fraction of insured value)")
	} else if ct.DedType != exposure.Amount && ct.Ded > 1 {
		fault("Ded", number(ct.Ded), "a fraction is at most 1", "write 2 % as 0.02, or set the deductible type to 0 for an amount")
	}
	if ct.DedCode == dedFranchise && (ct.MinDed > 0 || ct.MaxDed > 0) {
		fault("DedCode", "2", "a franchise with a minimum or maximum deductible is not calculated", "remove one of them")
	}
	if ct.MaxDed > 0 && ct.MinDed > ct.MaxDed {
		fault("MinDed", number(ct.MinDed), "the minimum exceeds the maximum deductible "+number(ct.MaxDed), "correct one of them")
	}
}

// dedCodeName names the deductible codes of OED.
func dedCodeName(code uint8) string {
	switch code {
	case 1:
		return "an annual aggregate deductible"
	case 3:
		return "a non-ranking excess"
	case 4:
		return "a residual deductible"
	case 5, 6:
		return "a California Earthquake Authority deductible"
	}
	return "this deductible code"
}

// checkLimit faults what of a limit cannot be calculated.
func (c *compiler) checkLimit(at place, ct exposure.CoverageTerms) {
	if ct.Limit == 0 {
		return
	}
	end := suffix(ct.Coverage)
	fault := func(name, value, reason, fix string) {
		c.faults = append(c.faults, at.fault(value, reason, fix, at.prefix+name+end))
	}
	c.checkAmounts(at, end, "Limit", ct.Limit)
	if ct.LimitCode != 0 {
		fault("LimitCode", fmt.Sprint(ct.LimitCode), "an annual aggregate limit is not calculated", "use code 0 (regular)")
	}
	if ct.LimitType > exposure.ShareOfValue {
		fault("LimitType", fmt.Sprint(ct.LimitType), "this limit type is not calculated",
			"use 0 (amount), 1 (fraction of loss) or 2 (fraction of insured value)")
	}
}

// checkAmounts faults amounts that are negative or not finite: name, value, ...
func (c *compiler) checkAmounts(at place, end string, pairs ...any) {
	for i := 0; i < len(pairs); i += 2 {
		name, x := pairs[i].(string), pairs[i+1].(float64)
		if !(x >= 0) || math.IsInf(x, 1) {
			c.faults = append(c.faults, at.fault(number(x), "not a number from 0 up", "write an amount or a fraction", at.prefix+name+end))
		}
	}
}
