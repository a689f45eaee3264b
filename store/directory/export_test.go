package directory

import "time"

// Inner doors for the tests of this package.
var (
	NormaliseEmail = normaliseEmail
	KeyID          = keyID
)

// ParsePHC reads a hash and writes it again.
func ParsePHC(text string) (string, error) {
	p, err := parsePHC(text)
	return p.String(), err
}

// Occupy takes all turns of the hasher until the returned function is called.
func (d *Directory) Occupy() (release func()) {
	d.hasher.patience = time.Millisecond
	for range cap(d.hasher.turns) {
		d.hasher.turns <- struct{}{}
	}
	return func() {
		for range cap(d.hasher.turns) {
			<-d.hasher.turns
		}
	}
}

// WeakPassword is the rule for new passwords.
func (d *Directory) WeakPassword(password, email string) error {
	return d.weakPassword(password, email)
}

// MaxAPIKeys bounds the keys of one owner that are in use.
const MaxAPIKeys = maxAPIKeys
