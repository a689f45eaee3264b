package directory

import "time"

// UnderWay counts what is kept of ceremonies.
func (d *Directory) UnderWay() int { return d.strangers.used.order.Len() + d.ceremonies.order.Len() }

// ReadAnswer shows an answer to both readers, of registrations and of proofs, as if it were to a challenge that nobody gave.
func (d *Directory) ReadAnswer(answer []byte) error {
	h := holder{handle: make([]byte, handleLength), email: "ada@example.com", name: "Ada"}
	_, created, err := d.authenticators.creation(h)
	if err != nil {
		panic(err)
	}
	_, asked, err := d.authenticators.request(nil)
	if err != nil {
		panic(err)
	}
	if _, _, err := d.authenticators.registered(created, answer); err == nil {
		return nil
	}
	said, err := readAssertion(answer)
	if err != nil {
		return err
	}
	h.passkeys = []passkey{{Credential: said.credential(), PublicKey: []byte("no key")}}
	_, err = d.authenticators.holds(asked, h, said)
	return err
}

// InHand is a table of what is under way.
type InHand struct{ *inHand[string] }

// NewInHand makes one.
func NewInHand(life time.Duration, most int) InHand { return InHand{newInHand[string](life, most)} }

// Put, Look and Take are those of the table.
func (h InHand) Put(now time.Time, name, owner, value string)   { h.put(now, name, owner, value) }
func (h InHand) Look(now time.Time, name string) (string, bool) { return h.look(now, name) }
func (h InHand) Take(now time.Time, name string) (string, bool) { return h.take(now, name) }

// Len counts what is kept, Names under how many names and owners.
func (h InHand) Len() int   { return h.order.Len() }
func (h InHand) Names() int { return len(h.at) }
