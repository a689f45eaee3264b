package exposure

import "strings"

// bitWTC is OED's bit of the peril WTC, strong wind from tropical cyclones: the
// one peril this model covers.
const bitWTC = 64

// perilSet is the union of OED's peril bits.
type perilSet uint64

func (p perilSet) wind() bool { return p&bitWTC != 0 }

// perilReader parses lists like "WW1;OO1". Portfolios repeat a handful of lists, so it
// remembers those it has seen.
type perilReader struct {
	seen map[string]perilSet
}

// maxPerilLists bounds what a hostile file can make perilReader remember.
const maxPerilLists = 4096

// parse gives the perils of a list, or the first code that is none of OED's.
func (p *perilReader) parse(list string) (set perilSet, unknown string) {
	if set, ok := p.seen[list]; ok {
		return set, ""
	}
	for _, code := range strings.FieldsFunc(list, func(r rune) bool { return r == ';' || r == ' ' }) {
		bits, ok := oed().perils[strings.ToUpper(code)]
		if !ok {
			return 0, code
		}
		set |= perilSet(bits)
	}
	if p.seen == nil {
		p.seen = map[string]perilSet{}
	}
	if len(p.seen) < maxPerilLists {
		p.seen[strings.Clone(list)] = set
	}
	return set, ""
}
