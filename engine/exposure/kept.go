package exposure

import "strings"

// keptText is a column kept as text while rows are read: a dictionary and one code per
// row, so that a million rows with a few values cost four bytes each, and an empty
// column nothing.
type keptText struct {
	dictionary []string // [0] is ""
	codes      []uint32
	lookup     map[string]uint32
	rows       int
}

// maxLookup bounds the map beside the dictionary: a column with more distinct values
// than this (street addresses) gains nothing from sharing the rest.
const maxLookup = 1 << 16

// add appends one row's text.
func (k *keptText) add(s string) {
	k.rows++
	if s == "" {
		if k.codes != nil {
			k.codes = append(k.codes, 0)
		}
		return
	}
	if k.codes == nil {
		k.codes = make([]uint32, k.rows-1, 2*k.rows)
		k.dictionary = []string{""}
		k.lookup = map[string]uint32{}
	}
	code, ok := k.lookup[s]
	if !ok {
		code = uint32(len(k.dictionary))
		s = strings.Clone(s)
		k.dictionary = append(k.dictionary, s)
		if len(k.lookup) < maxLookup {
			k.lookup[s] = code
		}
	}
	k.codes = append(k.codes, code)
}

// ordered is the codes in the order of the rows given by their index; nil for an empty column.
func (k *keptText) ordered(order []int32) []uint32 {
	if k.codes == nil {
		return nil
	}
	out := make([]uint32, len(order))
	for i, row := range order {
		out[i] = k.codes[row]
	}
	return out
}

// interner shares equal strings. It holds at most maxLookup of them, so that a column of
// unique values cannot make it grow without bound.
type interner struct{ seen map[string]string }

func (in *interner) text(s string) string {
	if s == "" {
		return ""
	}
	if same, ok := in.seen[s]; ok {
		return same
	}
	s = strings.Clone(s)
	if in.seen == nil {
		in.seen = map[string]string{}
	}
	if len(in.seen) < maxLookup {
		in.seen[s] = s
	}
	return s
}
