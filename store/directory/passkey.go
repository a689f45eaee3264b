package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// maxPasskeys bounds the passkeys of one user.
const maxPasskeys = 20

// Passkey is a passkey as its owner sees it.
type Passkey struct {
	ID       store.ID   `json:"id"`
	Name     string     `json:"name"`
	Created  time.Time  `json:"created"`
	Used     time.Time  `json:"used,omitzero"`    // last
	Synced   bool       `json:"synced"`           // may be on several devices: it can be backed up (WebAuthn level 3 section 6.1.3)
	AAGUID   string     `json:"aaguid,omitempty"` // the authenticator's model, as it says itself
	Copied   *time.Time `json:"copied,omitempty"` // when it was last refused because its counter went back
	Attached string     `json:"attached,omitempty"`
}

const handleLength = 32 // bytes, of at most 64 (WebAuthn level 3 section 5.4.3)

// BeginPasskey begins the registration of a passkey of the caller's, in the session of the token, whose proof must be fresh
// (see StepUp); a former one of the session is over. Errors: ErrPasskeysOff, ErrStepUpNeeded, ErrNoSession, ErrTooManyPasskeys.
func (d *Directory) BeginPasskey(ctx context.Context, by store.Principal, token SessionToken) (Ceremony, error) {
	s, h, err := d.holding(ctx, by, token, d.ownFresh, func(h holder) error {
		if len(h.passkeys) >= maxPasskeys {
			return ErrTooManyPasskeys
		}
		return nil
	})
	if err != nil {
		return Ceremony{}, err
	}
	if len(h.handle) == 0 {
		h.handle = d.draw(handleLength)
	}
	options, c, err := d.authenticators.creation(h)
	if err != nil {
		return Ceremony{}, err
	}
	return d.begin(begun{toRegister, by.Tenant(), by.User(), c}, "passkey "+s.ID.String(), options)
}

// holding reads, for a ceremony that begins, the caller's session by the rule of own and its passkeys, which check may refuse.
func (d *Directory) holding(ctx context.Context, by store.Principal, token SessionToken,
	own func(store.Reader, store.Principal, SessionToken) (session, error), check func(holder) error,
) (s session, h holder, err error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return s, h, err
	}
	err = t.View(ctx, store.Action{Verb: rights.UserSelf, Object: by.User()}, func(tx *store.ReadTx) error {
		if d.noPasskeys != nil {
			return d.noPasskeys
		}
		if s, err = own(tx, by, token); err != nil {
			return err
		}
		a, err := d.account(tx, by.User())
		if err != nil {
			return err
		}
		if h, err = d.holder(tx, a); err != nil {
			return err
		}
		return check(h)
	})
	return s, h, err
}

// PasskeyAdded is what is shown once after a registration.
type PasskeyAdded struct {
	Passkey  Passkey
	Token    SessionToken // in place of the caller's
	Recovery []Secret     // ten codes, where the passkey is the first second factor; nil otherwise
}

// AddPasskey ends the registration that BeginPasskey began, with a name of 1 to 200 characters for the list. All sessions
// end, and one with the returned token takes the place of the caller's. Errors: ErrNoCeremony, ErrPasskeyRefused,
// ErrPasskeyPresent, ErrStepUpNeeded, ErrNoSession, ErrTooManyPasskeys, ErrPasskeysOff.
func (d *Directory) AddPasskey(ctx context.Context, by store.Principal, token SessionToken, name string, answer PasskeyAnswer) (PasskeyAdded, error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return PasskeyAdded{}, err
	}
	var k passkey
	var handle []byte
	called, wrong := normaliseName(name) // before the ceremony is over
	if wrong == nil && by.May(rights.UserSelf) {
		k, handle, wrong = d.registration(ctx, by, answer)
	}
	next := d.drawToken()
	codes, digests := d.drawRecovery(by.User())
	added := PasskeyAdded{Token: NewSessionToken(next)}
	err = t.Update(ctx, store.Action{Verb: rights.UserSelf, Object: by.User()}, func(tx *store.WriteTx) error {
		if wrong != nil {
			return wrong
		}
		s, err := d.ownFresh(tx, by, token)
		if err != nil {
			return err
		}
		k.ID, k.Name, k.Created = tx.NewID(), called, tx.Now()
		first, err := d.keepPasskey(tx, by, k, handle, digests)
		if err != nil {
			return err
		}
		if added.Passkey, added.Recovery = k.view(), nil; first {
			added.Recovery = codes
		}
		return d.rotate(tx, by.User(), next, by.Source(), s.Proved)
	})
	if err != nil {
		return PasskeyAdded{}, err
	}
	return added, nil
}

// registration takes the ceremony that the answer belongs to, which is over then, and holds the answer to it. A credential id
// that anybody has registered already is refused (WebAuthn level 3 section 7.1 step 26).
func (d *Directory) registration(ctx context.Context, by store.Principal, answer PasskeyAnswer) (k passkey, handle []byte, err error) {
	if d.noPasskeys != nil {
		return k, nil, d.noPasskeys
	}
	b, ok := d.ceremonies.take(d.now(), answer.Ceremony)
	if !ok || b.purpose != toRegister || b.tenant != by.Tenant() || b.user != by.User() {
		return k, nil, ErrNoCeremony
	}
	if k, handle, err = d.authenticators.registered(b.challenge, answer.Response); err != nil {
		return k, nil, err
	}
	at, err := d.db.Follow(ctx, d.passkeyIDs, digest(string(k.Credential)))
	if err == nil && len(at) > 0 {
		err = ErrPasskeyPresent
	}
	return k, handle, err
}

// keepPasskey writes a new passkey, with the recovery codes where it is the first second factor.
func (d *Directory) keepPasskey(tx *store.WriteTx, by store.Principal, k passkey, handle []byte, recovery []string) (first bool, err error) {
	a, err := d.account(tx, by.User())
	if err != nil {
		return false, err
	}
	r, err := find(tx, d.passkeys, by.User())
	switch {
	case err != nil:
		return false, err
	case r.Version == 0:
		r.Value.Handle = handle
	case !bytes.Equal(r.Value.Handle, handle): // another was begun and ended since
		return false, ErrNoCeremony
	case len(r.Value.All) >= maxPasskeys:
		return false, ErrTooManyPasskeys
	case slices.ContainsFunc(r.Value.All, func(old passkey) bool { return bytes.Equal(old.Credential, k.Credential) }):
		return false, ErrPasskeyPresent
	}
	c := &a.credential.Value
	if first = !c.hasSecondFactor(); first {
		c.Recovery, c.Wrong, c.BarredUntil = recovery, 0, time.Time{}
	}
	r.Value.All = append(slices.Clone(r.Value.All), k)
	c.Passkeys = len(r.Value.All)
	_, err = d.notify(tx, a.user, notice{Kind: NoticePasskeyAdded, Item: k.Name}.from(by.Source()))
	return first, errors.Join(err,
		save(tx, d.passkeys, r), save(tx, d.credentials, a.credential), d.passkeyIDs.Set(tx, digest(string(k.Credential)), by.User()))
}

// Passkeys lists the caller's passkeys, oldest first.
func (d *Directory) Passkeys(ctx context.Context, by store.Principal) (all []Passkey, err error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return nil, err
	}
	return all, t.View(ctx, store.Action{Verb: rights.UserSelf, Object: by.User()}, func(tx *store.ReadTx) error {
		r, err := find(tx, d.passkeys, by.User())
		all = nil
		for _, k := range r.Value.All {
			all = append(all, k.view())
		}
		return err
	})
}

// RenamePasskey gives one of the caller's passkeys another name. store.ErrNotFound.
func (d *Directory) RenamePasskey(ctx context.Context, by store.Principal, id store.ID, name string) error {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.UserSelf, Object: by.User()}, func(tx *store.WriteTx) error {
		r, i, err := d.ownPasskey(tx, by, id)
		if err != nil {
			return err
		}
		if r.Value.All[i].Name, err = normaliseName(name); err != nil {
			return err
		}
		return save(tx, d.passkeys, r)
	})
}

func (d *Directory) ownPasskey(tx store.Reader, by store.Principal, id store.ID) (r store.Record[passkeysRecord], i int, err error) {
	if r, err = find(tx, d.passkeys, by.User()); err != nil {
		return r, 0, err
	}
	if i = slices.IndexFunc(r.Value.All, func(k passkey) bool { return k.ID == id }); i < 0 {
		return r, 0, fmt.Errorf("passkey %s: %w", id, store.ErrNotFound)
	}
	return r, i, nil
}

// RemovePasskey takes one of the caller's passkeys away, in the session of the token, whose proof must be fresh. Other
// sessions go on. Errors: store.ErrNotFound, ErrStepUpNeeded, ErrNoSession; ErrSecondFactorRequired where it is the last factor
// of an account that needs one.
func (d *Directory) RemovePasskey(ctx context.Context, by store.Principal, token SessionToken, id store.ID) error {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.UserSelf, Object: by.User()}, func(tx *store.WriteTx) error {
		if _, err := d.ownFresh(tx, by, token); err != nil {
			return err
		}
		r, i, err := d.ownPasskey(tx, by, id)
		if err != nil {
			return err
		}
		a, err := d.account(tx, by.User())
		if err != nil {
			return err
		}
		gone := r.Value.All[i]
		r.Value.All = slices.Delete(slices.Clone(r.Value.All), i, i+1)
		a.credential.Value.Passkeys = len(r.Value.All)
		if err := d.withoutFactor(tx, by.Tenant(), &a); err != nil {
			return err
		}
		_, err = d.notify(tx, a.user, notice{Kind: NoticePasskeyRemoved, Item: gone.Name}.from(by.Source()))
		return errors.Join(err,
			save(tx, d.passkeys, r), save(tx, d.credentials, a.credential), d.passkeyIDs.Remove(tx, digest(string(gone.Credential))))
	})
}
