package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Invitation is an open invitation as the tenant's administrator sees it.
type Invitation struct {
	ID      store.ID  `json:"id"`
	User    User      `json:"user"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// Invite makes a user in state Invited and an invitation of seven days, whose token leads to Accept. Who is invited already,
// by the same address, gets a new token in place of the old one. An operator with an account invites an administrator into a tenant
// that has no active one, and nobody else (ErrNotForOperators). store.ErrExists where the tenant has such a user.
func (d *Directory) Invite(ctx context.Context, by store.Principal, tenant store.ID, n NewUser) (Invitation, Secret, error) {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return Invitation{}, Secret{}, err
	}
	token := d.drawToken()
	var made Invitation
	err = t.Update(ctx, store.Action{Verb: AddVerb(tenant)}, func(tx *store.WriteTx) error {
		if err := d.mayAdd(tx, by, t.ID(), n.Role); err != nil {
			return err
		}
		a, err := d.invited(tx, t.ID(), n)
		if errors.Is(err, store.ErrNotFound) {
			a, err = d.enrol(tx, t.ID(), n, Invited, credential{})
		}
		if err != nil {
			return err
		}
		tx.Of(a.user.ID)
		in := invitation{User: a.user.ID, Digest: digest(token), Created: tx.Now(), Expires: tx.Now().Add(invitationLife)}
		if in.Notice, err = d.notify(tx, a.user, notice{Kind: NoticeInvitation, Token: token, Expires: in.Expires}); err != nil {
			return err
		}
		id := tx.NewID()
		made = Invitation{id, a.view(), in.Created, in.Expires}
		return errors.Join(d.tellAdministrators(tx, by, t.ID(), a), d.invitations.Insert(tx, id, in), d.inviteTokens.Set(tx, in.Digest, id))
	})
	if err != nil {
		return Invitation{}, Secret{}, err
	}
	return made, NewSecret(token), nil
}

// invited finds who is invited already, with the name and role of the new invitation, and takes the old one away.
func (d *Directory) invited(tx *store.WriteTx, tenant store.ID, n NewUser) (a account, err error) {
	u, err := n.record(tenant)
	if err != nil {
		return a, err
	}
	id, err := d.email.Find(tx, u.Email)
	if err != nil {
		return a, err
	}
	if a, err = d.account(tx, id); err != nil {
		return a, err
	}
	if a.user.Value.State != Invited {
		return a, fmt.Errorf("e-mail address %q: the tenant has a user with it: %w", u.Email, store.ErrExists)
	}
	a.user.Value.Name, a.user.Value.Role = u.Name, u.Role
	return a, errors.Join(save(tx, d.users, a.user), d.withdraw(tx, func(in store.Record[invitation]) bool { return in.Value.User == id }))
}

// withdraw takes invitations away.
func (d *Directory) withdraw(tx *store.WriteTx, which func(store.Record[invitation]) bool) error {
	return each(tx, d.invitations, func(r store.Record[invitation]) error {
		if !which(r) {
			return nil
		}
		return errors.Join(d.invitations.Delete(tx, r.ID, r.Version), d.inviteTokens.Remove(tx, r.Value.Digest), d.unnotify(tx, r.Value.Notice))
	})
}

// Invitations lists the open invitations, expired ones included, in order of creation.
func (d *Directory) Invitations(ctx context.Context, by store.Principal, tenant store.ID) (all []Invitation, err error) {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return nil, err
	}
	return all, t.View(ctx, store.Action{Verb: rights.UserList}, func(tx *store.ReadTx) error {
		all = nil
		return each(tx, d.invitations, func(r store.Record[invitation]) error {
			a, err := d.account(tx, r.Value.User)
			all = append(all, Invitation{r.ID, a.view(), r.Value.Created, r.Value.Expires})
			return err
		})
	})
}

// WithdrawInvitation takes an invitation back and disables the user that was to accept it.
func (d *Directory) WithdrawInvitation(ctx context.Context, by store.Principal, tenant, id store.ID) error {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.UserDisable, Object: id}, func(tx *store.WriteTx) error {
		in, err := d.invitations.Get(tx, id)
		if err != nil {
			return err
		}
		u, err := d.users.Get(tx, in.Value.User)
		if err != nil {
			return err
		}
		u.Value.State = Disabled
		return errors.Join(save(tx, d.users, u), d.withdraw(tx, func(r store.Record[invitation]) bool { return r.ID == id }))
	})
}

// Accept makes an invited user active with a password of its own choice (rules as in SetPassword) and signs it in. Errors:
// ErrNoInvitation, *ErrTooMany, ErrBusy.
func (d *Directory) Accept(ctx context.Context, token, password Secret, from store.Source) (store.Principal, SessionToken, error) {
	none := func(err error) (store.Principal, SessionToken, error) {
		return store.Principal{}, SessionToken{}, err
	}
	act := store.Action{Verb: rights.InvitationAccept}
	if err := d.limitTo(ctx, from, act, "accept "+network(from.Address), d.options.Limits.Address); err != nil {
		return none(err)
	}
	at, err := d.db.Follow(ctx, d.inviteTokens, digest(token.Reveal()))
	if err != nil {
		return none(err)
	}
	if len(at) == 0 {
		return none(d.deny(ctx, from, store.Appliance, act, ErrNoInvitation))
	}
	r, err := d.receive(ctx, from, at[0].Tenant)
	if err != nil {
		return none(noneIfErased(err, ErrNoInvitation))
	}
	// Its rules first need the address, which is known inside only; so a weak one costs a hash.
	hash, hashing := d.hasher.hash(ctx, clip(password.Reveal()), d.draw(hashSalt))
	session := d.drawToken()
	var p store.Principal
	err = r.Settle(ctx, act, func(tx *store.WriteTx) (store.Principal, error) {
		if hashing != nil {
			return p, hashing
		}
		a, err := d.accepted(tx, at[0].Record, password)
		if err != nil {
			return p, err
		}
		tx.Of(a.user.ID)
		a.credential.Value.Password, a.credential.Value.Changed = hash, tx.Now()
		p, err = d.enter(tx, at[0].Tenant, &a, session, "", from)
		return p, err
	})
	if err != nil {
		return none(settled(err))
	}
	return p, NewSessionToken(session), nil
}

// accepted takes the invitation and makes its user active.
func (d *Directory) accepted(tx *store.WriteTx, id store.ID, password Secret) (a account, err error) {
	in, err := find(tx, d.invitations, id)
	if err != nil {
		return a, err
	}
	if in.Version == 0 || !tx.Now().Before(in.Value.Expires) {
		return a, refuse(ErrNoInvitation)
	}
	if a, err = d.account(tx, in.Value.User); err != nil {
		return a, err
	}
	if a.user.Value.State != Invited {
		return a, refuse(ErrNoInvitation)
	}
	if err := d.weakPassword(password.Reveal(), a.user.Value.Email); err != nil {
		return a, refuse(err)
	}
	a.user.Value.State = Active
	return a, errors.Join(save(tx, d.users, a.user), d.withdraw(tx, func(r store.Record[invitation]) bool { return r.ID == id }))
}

// clip bounds what is hashed; a longer password is refused afterwards.
func clip(password string) string { return password[:min(len(password), maxPassword)] }
