package directory

import (
	"context"
	"crypto/rand"
	"errors"
)

// SelfTest makes a password that nobody has, hashes it as accounts' are, and wants it to fit and another not to: that people can sign in
// needs this host's memory, processor and entropy for it. It reads and writes no record, and leaves no entry. ErrBusy as SignIn.
func (d *Directory) SelfTest(ctx context.Context) error {
	password := rand.Text()
	stored, err := d.hasher.hash(ctx, password, d.draw(hashSalt))
	if err != nil {
		return err
	}
	fits, _, err := d.hasher.verify(ctx, stored, tried(NewSecret(password)))
	if err == nil && !fits {
		err = errors.New("a password does not fit the hash that was just made of it")
	}
	if err != nil {
		return err
	}
	fits, _, err = d.hasher.verify(ctx, stored, tried(NewSecret(password+"x")))
	if err == nil && fits {
		err = errors.New("a wrong password fits a hash")
	}
	return err
}
