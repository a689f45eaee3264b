package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// MinPassword and MaxPassword bound a new password, in characters.
const (
	MinPassword = 12
	MaxPassword = 256
)

// What makes a password more than a pattern.
const (
	minSurprises = 5 // characters that neither repeat nor continue the one before
	minPeriod    = 5 // of a repeated piece
	minContext   = 4 // of the name in the address, to be looked for
)

// keyboard are rows on which a finger walks.
const keyboard = "qwertyuiop\x00asdfghjkl\x00zxcvbnm\x00qwertzuiop\x00yxcvbnm\x001234567890"

// weak refuses a new password.
func weak(reason string) error {
	return &store.InvalidError{Field: "password", Reason: reason, Class: "weak password"}
}

// weakPassword is the error of a new password that is too easy, naming the rule and never the password: length, the owner's
// own name, repeated pieces, walks over alphabet or keyboard, and the list of known ones.
func (d *Directory) weakPassword(password, email string) error {
	if len(password) > maxPassword { // in bytes, before anything is made of it
		return weak(fmt.Sprintf("the new password has more than %d characters: choose %d to %d, for example four or more random words", MaxPassword, MinPassword, MaxPassword))
	}
	p := norm.NFKC.String(password)
	n := utf8.RuneCountInString(p)
	local, _, _ := strings.Cut(email, "@")
	low := strings.ToLower(p)
	switch {
	case !utf8.ValidString(password):
		return weak("the new password is not valid text")
	case n < MinPassword || n > MaxPassword:
		return weak(fmt.Sprintf("the new password has %d characters: choose %d to %d, for example four or more random words", n, MinPassword, MaxPassword))
	case len(local) >= minContext && strings.Contains(low, local):
		return weak("the new password contains the name in the e-mail address: choose one without")
	case period([]rune(low)) < minPeriod:
		return weak("the new password repeats one short piece: choose one that does not")
	case surprises(low) < minSurprises:
		return weak("the new password is a walk over the alphabet or the keyboard: choose one that is not")
	case d.options.Breached != nil && d.options.Breached.Known(p):
		return weak("the new password is in a list of passwords that leaked somewhere: choose another one")
	}
	return nil
}

// period is the length of the shortest piece that the text repeats, its own where it repeats none.
func period(text []rune) int {
	for n := 1; n < len(text); n++ {
		i := n
		for i < len(text) && text[i] == text[i-n] {
			i++
		}
		if i == len(text) {
			return n
		}
	}
	return len(text)
}

// surprises counts the characters that one could not have foretold from the one before.
func surprises(low string) (n int) {
	last := rune(-1)
	for _, c := range low {
		step := c - last
		row := last > 0 && (strings.Contains(keyboard, string([]rune{last, c})) || strings.Contains(keyboard, string([]rune{c, last})))
		if last < 0 || (step < -1 || step > 1) && !row {
			n++
		}
		last = c
	}
	return n
}

// SetPassword changes the caller's own password. The new one has 12 to 256 characters, is no pattern, does not contain the name
// in the user's address, and is not in Options.Breached. All sessions end, and one with the returned token takes the place of
// the caller's. Errors: ErrWrongCredentials where the old one is wrong, *ErrTooMany, ErrBusy.
//
// The limits come first, then the old password, then the rules; the new one is hashed last, so that nobody has more hashed than it
// may try.
func (d *Directory) SetPassword(ctx context.Context, by store.Principal, old, fresh Secret) (SessionToken, error) {
	var stored, hash string
	var wrong error
	if by.May(rights.UserSelf) {
		if stored, wrong = d.prove(ctx, by, old); wrong == nil {
			hash, wrong = d.hashOwn(ctx, by, old, fresh)
		}
	}
	token := d.drawToken()
	err := d.provenBy(ctx, by, stored, wrong, func(tx *store.WriteTx, a *account) error {
		c := &a.credential.Value
		c.Password, c.Changed, c.OneTime = hash, tx.Now(), nil
		_, err := d.notify(tx, a.user, notice{Kind: NoticePasswordChanged}.from(by.Source()))
		var proved time.Time // the password alone is no full proof of an account that has more
		if !c.hasSecondFactor() {
			proved = tx.Now()
		}
		return errors.Join(err, d.rotate(tx, by.User(), token, by.Source(), proved))
	})
	if err != nil {
		return SessionToken{}, err
	}
	return NewSessionToken(token), nil
}

// hashOwn hashes a new password of the caller's that the rules let through. The address that they look at does not change.
func (d *Directory) hashOwn(ctx context.Context, by store.Principal, old, fresh Secret) (string, error) {
	r, err := d.receive(ctx, by.Source(), by.Tenant())
	if err != nil {
		return "", err
	}
	var email string
	err = r.Read(ctx, func(tx *store.ReadTx) error {
		u, err := d.users.Get(tx, by.User())
		email = u.Value.Email
		return err
	})
	if err != nil {
		return "", err
	}
	if err := d.weakPassword(fresh.Reveal(), email); err != nil {
		return "", err
	}
	if norm.NFKC.String(old.Reveal()) == norm.NFKC.String(fresh.Reveal()) {
		return "", weak("the new password is the old one: choose another")
	}
	return d.hasher.hash(ctx, fresh.Reveal(), d.draw(hashSalt))
}

// proven runs a change of the caller's own account after it gave its password once more, and saves its credential. A wrong
// one counts like a wrong sign-in.
func (d *Directory) proven(ctx context.Context, by store.Principal, password Secret, change func(*store.WriteTx, *account) error) error {
	var stored string
	var wrong error
	if by.May(rights.UserSelf) {
		stored, wrong = d.prove(ctx, by, password)
	}
	return d.provenBy(ctx, by, stored, wrong, change)
}

// provenBy is proven of a password that was held to the stored hash already, or why it does not count.
func (d *Directory) provenBy(ctx context.Context, by store.Principal, stored string, wrong error, change func(*store.WriteTx, *account) error) error {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.UserSelf, Object: by.User()}, func(tx *store.WriteTx) error {
		if wrong != nil {
			return wrong
		}
		a, err := d.account(tx, by.User())
		if err != nil {
			return err
		}
		if a.credential.Value.Password != stored {
			return fmt.Errorf("the password: %w", store.ErrConflict)
		}
		if err := change(tx, &a); err != nil {
			return err
		}
		return save(tx, d.credentials, a.credential)
	})
}

// tried is a password as it is held to a hash: one that is longer than any can be fits nobody, and is not looked at further.
func tried(password Secret) string {
	if text := password.Reveal(); len(text) <= maxPassword {
		return text
	}
	return ""
}

// prove holds the caller's password to the stored hash, which it returns.
func (d *Directory) prove(ctx context.Context, by store.Principal, password Secret) (string, error) {
	r, err := d.receive(ctx, by.Source(), by.Tenant())
	if err != nil {
		return "", err
	}
	var c store.Record[credential]
	err = r.Read(ctx, func(tx *store.ReadTx) error {
		c, err = d.credentials.Get(tx, by.User())
		return err
	})
	if err != nil {
		return "", err
	}
	name := "own " + by.User().String()
	if wait, _ := d.limiter.take(d.now(), name, d.options.Limits.Account); wait > 0 {
		return "", &ErrTooMany{wait}
	}
	fits, _, err := d.hasher.verify(ctx, c.Value.Password, tried(password))
	switch {
	case err != nil:
		return "", err
	case !fits:
		return "", ErrWrongCredentials
	}
	d.limiter.forget(name, d.options.Limits.Account)
	return c.Value.Password, nil
}
