package breached

import (
	"bytes"
	_ "embed" // for common.filter
	"strings"
)

//go:embed common.filter
var common []byte

// Embedded is the list that comes with the program, in small letters: 49,233 common passwords of zxcvbn-ts, of which 308 are as long as a new one must
// be, and 11,888 more of that length from the collections of SecLists. It is a floor; a larger list comes from a [Builder].
func Embedded() *Filter {
	f, err := New(bytes.NewReader(common), int64(len(common)), "of this program")
	if err != nil {
		panic("breached: the embedded list: " + err.Error())
	}
	return f
}

// List is every list that a new password is held to: the embedded one and those that were imported. It implements directory.KnownPasswords.
type List struct {
	filters []*Filter
	fault   func(error)
}

// NewList joins the embedded list with others, which stay the caller's to close. fault, which may be nil, is told when a list
// cannot be read: the message names list and reason, and never the password.
func NewList(fault func(error), imported ...*Filter) *List {
	if fault == nil {
		fault = func(error) {}
	}
	return &List{append([]*Filter{Embedded()}, imported...), fault}
}

// Known reports whether the password is in one of the lists, as it is or in small letters. Where a list cannot be read it is taken
// for known, since it may be: a password that another part of the list answers for is chosen in its place, and the fault tells the appliance's owner.
func (l *List) Known(password string) bool {
	for _, p := range []string{password, strings.ToLower(password)} {
		h := HashOf(p)
		for _, f := range l.filters {
			known, err := f.Find(h)
			if err != nil {
				l.fault(err)
			}
			if known || err != nil {
				return true
			}
		}
	}
	return false
}
