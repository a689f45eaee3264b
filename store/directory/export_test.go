package directory

import (
	"context"
	"time"
)

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
	patience := d.hasher.patience
	d.hasher.patience = time.Millisecond
	for range cap(d.hasher.turns) {
		d.hasher.turns <- struct{}{}
	}
	return func() {
		for range cap(d.hasher.turns) {
			<-d.hasher.turns
		}
		d.hasher.patience = patience
	}
}

// HashOf makes the PHC string of a password.
func (d *Directory) HashOf(ctx context.Context, password string) (string, error) {
	return d.hasher.hash(ctx, password, []byte("0123456789abcdef"))
}

// Outdated says whether a password fits a hash, and whether that is of another cost than new ones.
func (d *Directory) Outdated(ctx context.Context, stored, password string) (fits, outdated bool, err error) {
	return d.hasher.verify(ctx, stored, password)
}

// WeakPassword is the rule for new passwords.
func (d *Directory) WeakPassword(password, email string) error {
	return d.weakPassword(password, email)
}

// MaxAPIKeys bounds the keys of one owner that are in use.
const MaxAPIKeys = maxAPIKeys
