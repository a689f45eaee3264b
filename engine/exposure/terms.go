package exposure

import (
	"encoding/binary"
	"math"
	"strconv"
)

// coverageSuffix is how OED's columns name a coverage group.
var coverageSuffix = [...]string{1: "1Building", 2: "2Other", 3: "3Contents", 4: "4BI", 5: "5PD", 6: "6All"}

// termSet is the deductibles and limits of one level, by coverage group minus one.
type termSet [All]CoverageTerms

// bindTerms adds the 48 columns of a level (prefix Loc, Cond, Pol or Acc) to bindings.
func bindTerms[R any](bindings map[string]binding[R], prefix string, set func(*R) *termSet) {
	for c := Building; c <= All; c++ {
		i := c - 1
		suffix := coverageSuffix[c]
		add := func(name string, put func(*CoverageTerms, float64)) {
			bindings[prefix+name+suffix] = binding[R]{number: func(row *R, v float64) { put(&set(row)[i], v) }}
		}
		add("DedCode", func(t *CoverageTerms, v float64) { t.DedCode = uint8(v) })
		add("DedType", func(t *CoverageTerms, v float64) { t.DedType = AmountType(v) })
		add("Ded", func(t *CoverageTerms, v float64) { t.Ded = v })
		add("MinDed", func(t *CoverageTerms, v float64) { t.MinDed = v })
		add("MaxDed", func(t *CoverageTerms, v float64) { t.MaxDed = v })
		add("LimitCode", func(t *CoverageTerms, v float64) { t.LimitCode = uint8(v) })
		add("LimitType", func(t *CoverageTerms, v float64) { t.LimitType = AmountType(v) })
		add("Limit", func(t *CoverageTerms, v float64) { t.Limit = v })
	}
}

// hasAmount reports whether a term has an effect: codes and types alone have none.
func (t *CoverageTerms) hasAmount() bool {
	return t.Ded != 0 || t.MinDed != 0 || t.MaxDed != 0 || t.Limit != 0
}

// hasTerm is hasAmount, or a code other than "regular", which is kept because the
// calculation must know or refuse it.
func (t *CoverageTerms) hasTerm() bool {
	return t.hasAmount() || t.DedCode != 0 || t.LimitCode != 0
}

// maxLimitShare is the largest limit taken as a share of value; a larger one is a
// percentage written as a whole number. Limits above the value itself do occur.
const maxLimitShare = 10

// check finds shares that cannot be, and amounts without the perils they are for.
func (s *termSet) check(prefix, perils string, fault rowFault) {
	first := -1
	for i := range s {
		t, suffix := &s[i], coverageSuffix[i+1]
		if t.hasAmount() && first < 0 {
			first = i
		}
		if t.DedType != Amount && t.Ded > 1 {
			fault(prefix+"Ded"+suffix, formatNumber(t.Ded),
				"a share above 1: "+prefix+"DedType"+suffix+" is "+strconv.Itoa(int(t.DedType)), "write 2 % as 0.02, or set the type to 0 for an amount")
		}
		if t.LimitType != Amount && t.Limit > maxLimitShare {
			fault(prefix+"Limit"+suffix, formatNumber(t.Limit),
				"a share above 10: "+prefix+"LimitType"+suffix+" is "+strconv.Itoa(int(t.LimitType)), "write 50 % as 0.5, or set the type to 0 for an amount")
		}
	}
	if first >= 0 && perils == "" {
		amount := firstAmount(&s[first], prefix, coverageSuffix[first+1])
		fault(prefix+"Peril", "", amount+" is given without the perils it is for", "fill "+prefix+"Peril, e.g. WW1")
	}
}

func firstAmount(t *CoverageTerms, prefix, suffix string) string {
	switch {
	case t.Ded != 0:
		return prefix + "Ded" + suffix
	case t.MinDed != 0:
		return prefix + "MinDed" + suffix
	case t.MaxDed != 0:
		return prefix + "MaxDed" + suffix
	}
	return prefix + "Limit" + suffix
}

// termInterner gives equal term sets one slice: most locations of a portfolio have one of
// a few. Callers must not change the slices.
type termInterner struct {
	seen map[string][]CoverageTerms
	key  []byte
}

// shared is the terms of a set in the order of coverages, nil for none.
func (in *termInterner) shared(s *termSet) []CoverageTerms {
	in.key = in.key[:0]
	n := 0
	for i := range s {
		if t := &s[i]; t.hasTerm() {
			t.Coverage = Coverage(i + 1)
			in.key = t.append(in.key)
			n++
		}
	}
	if n == 0 {
		return nil
	}
	if same, ok := in.seen[string(in.key)]; ok {
		return same
	}
	list := make([]CoverageTerms, 0, n)
	for i := range s {
		if s[i].hasTerm() {
			list = append(list, s[i])
		}
	}
	if in.seen == nil {
		in.seen = map[string][]CoverageTerms{}
	}
	if len(in.seen) < maxLookup {
		in.seen[string(in.key)] = list
	}
	return list
}

// append adds the canonical encoding: five bytes of codes, then four floats, big-endian.
func (t *CoverageTerms) append(b []byte) []byte {
	b = append(b, byte(t.Coverage), t.DedCode, byte(t.DedType), t.LimitCode, byte(t.LimitType))
	for _, v := range [...]float64{t.Ded, t.MinDed, t.MaxDed, t.Limit} {
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}
