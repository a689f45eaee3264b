package directory

import (
	"context"
	"errors"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

const (
	resetLife  = time.Hour
	resetFloor = 250 * time.Millisecond // a request takes at least as long, whatever it finds
)

// resetRate is how often a new password can be asked for, per address, whether anybody has it or not.
func resetRate() Rate { return Rate{Burst: 3, Every: 15 * time.Minute} }

// passwordReset leads a user who forgot the password to a new one; its id is the user's. The last two tokens are good: a stranger who asks
// for another while the owner reads the mail does not make the owner's void.
type passwordReset struct {
	resetToken
	Former *resetToken `json:"former,omitempty"`
}

// resetToken is one of them.
type resetToken struct {
	Digest  string    `json:"digest"` // of the token
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Notice  store.ID  `json:"notice"` // that carries the token
}

// errNoAccount is entered, and told to nobody.
var errNoAccount error = &refusal{"nobody who can sign in has this e-mail address", "no such account"}

// errNoRoom is entered, and told to nobody: strangers would learn from it who has an account.
var errNoRoom error = &refusal{"there is no room for a message", "no room"}

// RequestPasswordReset writes a message with a single-use token, good for an hour, to whoever has the address: one for each
// tenant, up to four. It says nothing of whether there is such a user: it takes at least a quarter of a second and returns nil
// for known, unknown, invited and disabled ones alike (OWASP ASVS 5.0, 6.3.8). Errors: *ErrTooMany, which counts the address as it
// is given; those of the store.
func (d *Directory) RequestPasswordReset(ctx context.Context, email string, from store.Source) error {
	floor := time.NewTimer(d.resetFloor)
	defer floor.Stop()
	err := d.requestReset(ctx, email, from)
	select {
	case <-floor.C:
	case <-ctx.Done():
	}
	return err
}

func (d *Directory) requestReset(ctx context.Context, email string, from store.Source) error {
	a := &attempt{source: from}
	a.email, _ = normaliseEmail(email)
	act := store.Action{Verb: rights.PasswordRequest}
	for _, limit := range []struct {
		name string
		rate Rate
	}{{"reset from " + network(from.Address), d.options.Limits.Address}, {"reset of " + a.email, resetRate()}, {allResets, d.options.Limits.All}} {
		if err := d.limitTo(ctx, from, act, limit.name, limit.rate); err != nil {
			return err
		}
	}
	if err := d.lookUp(ctx, a); err != nil {
		return err
	}
	if len(a.candidates) == 0 {
		return d.noReset(ctx, from, store.Appliance, act)
	}
	for _, c := range a.candidates {
		act.Object = c.user.ID
		if err := d.offerReset(ctx, c, act, from); err != nil {
			return err
		}
	}
	return nil
}

// limitTo counts what somebody unknown does against a rate; the first refusal in a row is entered.
func (d *Directory) limitTo(ctx context.Context, from store.Source, a store.Action, name string, r Rate) error {
	return d.limitIn(ctx, from, store.Appliance, a, name, r)
}

// limitIn is limitTo where the tenant is known, whose log gets the entry.
func (d *Directory) limitIn(ctx context.Context, from store.Source, tenant store.ID, a store.Action, name string, r Rate) error {
	wait, first := d.limiter.take(d.now(), name, r)
	switch {
	case wait <= 0:
		return nil
	case first:
		return d.deny(ctx, from, tenant, a, &ErrTooMany{wait})
	}
	return &ErrTooMany{wait}
}

// noReset enters that there was nobody to write to, and tells nobody.
func (d *Directory) noReset(ctx context.Context, from store.Source, tenant store.ID, a store.Action) error {
	err := d.deny(ctx, from, tenant, a, errNoAccount)
	if errors.Is(err, errNoAccount) {
		return nil
	}
	return err
}

// offerReset writes token and message for one user. Who cannot sign in by password gets none, which is entered.
func (d *Directory) offerReset(ctx context.Context, c candidate, a store.Action, from store.Source) error {
	token := d.drawToken()
	err := c.reception.Note(ctx, a, func(tx *store.WriteTx) error {
		now, err := d.account(tx, c.user.ID)
		if err != nil {
			return err
		}
		if now.user.Value.State != Active {
			return refuse(errNoAccount)
		}
		r, err := d.resetBefore(tx, c.user.ID)
		if err != nil {
			return err
		}
		r.Value.resetToken = resetToken{Digest: digest(token), Created: tx.Now(), Expires: tx.Now().Add(resetLife)}
		r.Value.Notice, err = d.notify(tx, now.user, notice{Kind: NoticePasswordReset, Token: token, Expires: r.Value.Expires}.from(from))
		return errors.Join(err, save(tx, d.resets, r), d.resetTokens.Set(tx, r.Value.Digest, c.user.ID))
	})
	if full(err) { // which must not tell that there is somebody to write to
		err = d.deny(ctx, from, c.tenant, a, errNoRoom)
	}
	if err = settled(err); errors.Is(err, errNoAccount) || errors.Is(err, errNoRoom) {
		return nil
	}
	return err
}

// resetBefore is the user's record with its last token as the former one, whose predecessor is void.
func (d *Directory) resetBefore(tx *store.WriteTx, user store.ID) (store.Record[passwordReset], error) {
	r, err := find(tx, d.resets, user)
	if err != nil || r.Version == 0 {
		return r, err
	}
	last := r.Value.resetToken
	err = d.voidReset(tx, r.Value.Former)
	r.Value.Former = &last
	return r, err
}

// withdrawReset makes the user's tokens void, and takes back the messages that carry them. The record that it returns is stored
// still.
func (d *Directory) withdrawReset(tx *store.WriteTx, user store.ID) (store.Record[passwordReset], error) {
	r, err := find(tx, d.resets, user)
	if err != nil || r.Version == 0 {
		return r, err
	}
	return r, errors.Join(d.voidReset(tx, &r.Value.resetToken), d.voidReset(tx, r.Value.Former))
}

// voidReset takes a token away with its message; nil is none.
func (d *Directory) voidReset(tx *store.WriteTx, t *resetToken) error {
	if t == nil {
		return nil
	}
	return errors.Join(d.resetTokens.Remove(tx, t.Digest), d.unnotify(tx, t.Notice))
}

// AcceptPasswordReset sets the password of whoever the token was written to (rules as in SetPassword). All sessions end. API keys
// and the second factor stay, which is asked for at the next sign-in: a reset signs nobody in. The token is good once; a password
// that is refused leaves it good. Errors: ErrNoPasswordReset, *ErrTooMany, ErrBusy.
func (d *Directory) AcceptPasswordReset(ctx context.Context, token, fresh Secret, from store.Source) error {
	act := store.Action{Verb: rights.PasswordReset}
	if err := d.limitTo(ctx, from, act, "reset accepted from "+network(from.Address), d.options.Limits.Address); err != nil {
		return err
	}
	at, err := d.db.Follow(ctx, d.resetTokens, digest(token.Reveal()))
	if err != nil {
		return err
	}
	if len(at) == 0 {
		return d.deny(ctx, from, store.Appliance, act, ErrNoPasswordReset)
	}
	r, err := d.receive(ctx, from, at[0].Tenant)
	if err != nil {
		return noneIfErased(err, ErrNoPasswordReset)
	}
	hash, hashing := d.hasher.hash(ctx, clip(fresh.Reveal()), d.draw(hashSalt))
	act.Object = at[0].Record
	var email string
	err = r.Settle(ctx, act, func(tx *store.WriteTx) (p store.Principal, err error) {
		if hashing != nil {
			return p, hashing
		}
		a, err := d.resetting(tx, act.Object, digest(token.Reveal()), fresh)
		if err != nil {
			return p, err
		}
		email = a.user.Value.Email
		if err := d.resetTo(tx, a, hash, from); err != nil {
			return p, err
		}
		return principal(a.user.ID, at[0].Tenant, a.user.Value.Role, from, restricted())
	})
	if err == nil {
		d.limiter.forget("account "+email, d.options.Limits.Account) // who forgot the password has tried some
	}
	return settled(err)
}

// resetting is the account whose token it is, if it may have the password.
func (d *Directory) resetting(tx *store.WriteTx, user store.ID, shown string, fresh Secret) (a account, err error) {
	r, err := find(tx, d.resets, user)
	if err != nil {
		return a, err
	}
	given := r.Value.resetToken
	if former := r.Value.Former; former != nil && former.Digest == shown {
		given = *former
	}
	if r.Version == 0 || given.Digest != shown || !tx.Now().Before(given.Expires) {
		return a, refuse(ErrNoPasswordReset)
	}
	if a, err = d.account(tx, user); err != nil {
		return a, err
	}
	// A password that was set since by other means makes the token void: whoever sent for it may have been a stranger.
	if a.user.Value.State != Active || a.credential.Value.Changed.After(given.Created) {
		return a, refuse(ErrNoPasswordReset)
	}
	if err := d.weakPassword(fresh.Reveal(), a.user.Value.Email); err != nil {
		return a, refuse(err)
	}
	return a, nil
}

// resetTo sets the password, takes the token away and ends the sessions.
func (d *Directory) resetTo(tx *store.WriteTx, a account, hash string, from store.Source) error {
	c := &a.credential.Value
	c.Password, c.Changed, c.OneTime = hash, tx.Now(), nil
	r, err := d.withdrawReset(tx, a.user.ID)
	if err != nil {
		return err
	}
	_, err = d.notify(tx, a.user, notice{Kind: NoticePasswordChanged}.from(from))
	return errors.Join(err, d.resets.Delete(tx, r.ID, r.Version), save(tx, d.credentials, a.credential), d.endSessions(tx, a.user.ID, nil))
}
