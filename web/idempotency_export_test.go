package web

import "time"

// KeyUses are the uses of Idempotency-Keys, for the test of their bounds.
type KeyUses struct{ *repeats }

// NewKeyUses makes them.
func NewKeyUses(now func() time.Time) KeyUses { return KeyUses{newRepeats(now)} }

// Begin says how a use of a key is met.
func (k KeyUses) Begin(owner, name string, request [32]byte) string {
	switch first, earlier := k.begin(owner, name, request); {
	case first != nil:
		return "first"
	case earlier == nil:
		return "full"
	case !earlier.done:
		return "at work"
	case !earlier.kept:
		return "done"
	}
	return "kept"
}

// Finish gives the answer of a use.
func (k KeyUses) Finish(name string, body []byte) {
	k.finish(&k.uses[name].repeat, 201, "application/json", "", body, false)
}

// Size is how many uses there are, and the bytes of their answers.
func (k KeyUses) Size() (uses, bytes int) { return k.order.Len(), k.held }
