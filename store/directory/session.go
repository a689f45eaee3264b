package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// SessionLimits are how long sessions last; zero fields are the defaults, which are what NIST SP 800-63B asks at AAL2.
type SessionLimits struct {
	Idle time.Duration // since its last request; 30 minutes
	Life time.Duration // since its sign-in; 12 hours
}

func (l SessionLimits) filled() SessionLimits {
	return SessionLimits{cmp.Or(l.Idle, 30*time.Minute), cmp.Or(l.Life, 12*time.Hour)}
}

// over reports whether a session has ended by itself: unused, or old.
func (d *Directory) over(s session, now, seen time.Time) bool {
	return now.Sub(latest(s.Seen, seen)) > d.options.Sessions.Idle || now.Sub(s.Begun) > d.options.Sessions.Life
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// beginSession opens a session of a user and drops those that are over or too many. proved is when the user last gave all
// factors; zero where it did not.
func (d *Directory) beginSession(tx *store.WriteTx, user store.ID, token string, from store.Source, proved time.Time) error {
	now := tx.Now()
	s := session{ID: tx.NewID(), Digest: digest(token), Begun: now, Seen: now, Address: from.Address, UserAgent: shortened(from.UserAgent), Proved: proved}
	all, err := find(tx, d.sessions, user)
	if err != nil {
		return err
	}
	kept := all.Value.Open[:0:0]
	for i, old := range all.Value.Open {
		if d.over(old, now, d.seen.at(old.ID)) || i < len(all.Value.Open)-sessionsOfOne+1 {
			if err := d.tokens.Remove(tx, old.Digest); err != nil {
				return err
			}
			continue
		}
		kept = append(kept, old)
	}
	all.Value.Open = append(kept, s)
	if err := save(tx, d.sessions, all); err != nil {
		return err
	}
	return d.tokens.Set(tx, s.Digest, user)
}

// shortened bounds what a client says of itself, to what a person would read.
func shortened(agent string) string {
	const most = 256
	return strings.ToValidUTF8(agent[:min(len(agent), most)], "")
}

// endSessions ends the sessions of a user that end says, or all where it is nil.
func (d *Directory) endSessions(tx *store.WriteTx, user store.ID, end func(session) bool) error {
	all, err := find(tx, d.sessions, user)
	if err != nil || len(all.Value.Open) == 0 {
		return err
	}
	before := len(all.Value.Open)
	var failed error
	all.Value.Open = slices.DeleteFunc(slices.Clone(all.Value.Open), func(s session) bool {
		if end != nil && !end(s) {
			return false
		}
		failed = errors.Join(failed, d.tokens.Remove(tx, s.Digest))
		return true
	})
	if failed != nil || len(all.Value.Open) == before {
		return failed
	}
	return save(tx, d.sessions, all)
}

// rotate gives a session that gained rights a new token: a token from before must not carry them. All other sessions of
// the user end.
func (d *Directory) rotate(tx *store.WriteTx, user store.ID, fresh string, from store.Source, proved time.Time) error {
	if err := d.endSessions(tx, user, nil); err != nil {
		return err
	}
	return d.beginSession(tx, user, fresh, from, proved)
}

// Session says who shows this token, and how the session stands. The user's role and state count as they are now, not as they
// were at sign-in. It leaves no audit entry, except when it finds that the session is over. Errors: ErrNoSession, store.ErrLocked.
func (d *Directory) Session(ctx context.Context, token SessionToken, from store.Source) (store.Principal, Session, error) {
	none := func(err error) (store.Principal, Session, error) { return store.Principal{}, Session{}, err }
	if n := len(token.Reveal()); n == 0 || n > 100 {
		return none(ErrNoSession)
	}
	k, err := d.caller(ctx, digest(token.Reveal()), from)
	if err != nil {
		return none(err)
	}
	now, found := d.now(), k.session
	if k.state != Active || d.over(found, now, d.seen.at(found.ID)) {
		return none(errors.Join(d.expire(ctx, k.tenant, k.user, found.ID), ErrNoSession))
	}
	d.seen.note(sighting{tenant: k.tenant, record: k.user, session: found.ID, at: now}, found.Seen)
	if err := d.flushDue(ctx, k.tenant, now); err != nil {
		return none(err)
	}
	p, err := principal(k.user, k.tenant, k.role, from, k.owed.scopes())
	return p, Session{found.ID, found.Begun, found.Begun.Add(d.options.Sessions.Life), found.Proved, k.owed.password, k.owed.factor}, err
}

// caller is what the records say of whoever shows a session's token.
type caller struct {
	tenant, user store.ID
	session      session
	state        State
	role         store.Role
	owed         duties
}

// caller finds whose token it is, by its digest.
func (d *Directory) caller(ctx context.Context, known string, from store.Source) (caller, error) {
	if k, ok := d.callers.find(d.db, known); ok {
		_, err := d.receive(ctx, from, k.tenant) // the store may be locked since, the tenant erased
		return k, noneIfErased(err, ErrNoSession)
	}
	at, err := d.db.Follow(ctx, d.tokens, known)
	if err != nil {
		return caller{}, err
	}
	if len(at) == 0 {
		return caller{}, ErrNoSession
	}
	k := caller{tenant: at[0].Tenant, user: at[0].Record}
	changes := d.db.Changes(k.tenant)
	r, err := d.receive(ctx, from, k.tenant)
	if err != nil {
		return caller{}, noneIfErased(err, ErrNoSession)
	}
	err = r.Read(ctx, func(tx *store.ReadTx) error {
		if k.session, err = d.openSession(tx, k.user, known); err != nil {
			return err
		}
		k.session.Address, k.session.UserAgent = "", "" // nobody asks for them here
		a, err := d.account(tx, k.user)
		if err != nil {
			return err
		}
		k.state, k.role = a.user.Value.State, a.user.Value.Role
		k.owed, err = d.duties(tx, k.tenant, a)
		return err
	})
	if err != nil {
		return caller{}, err
	}
	d.callers.keep(known, k, k.tenant, changes)
	return k, nil
}

// openSession finds the session of a token's digest.
func (d *Directory) openSession(tx store.Reader, user store.ID, known string) (session, error) {
	all, err := find(tx, d.sessions, user)
	if err != nil {
		return session{}, err
	}
	i := slices.IndexFunc(all.Value.Open, func(s session) bool { return s.Digest == known })
	if i < 0 {
		return session{}, ErrNoSession
	}
	return all.Value.Open[i], nil
}

// restricted is what a user may do before its password and second factor are in order.
func restricted() []store.Verb {
	return []store.Verb{rights.UserSelf, rights.StepUp, rights.SignOut, rights.SessionList, rights.SessionClose}
}

// duties are what a user has to do before anything else.
type duties struct {
	password bool // another set it
	factor   bool // a second one is required and none is in place
}

func (d *Directory) duties(tx store.Reader, tenant store.ID, a account) (owed duties, err error) {
	owed.password = a.credential.Value.OneTime != nil
	if !a.credential.Value.hasSecondFactor() {
		owed.factor, err = d.mustHaveCode(tx, tenant, a.user.Value.Role)
	}
	return owed, err
}

// scopes are nil for an account that is in order.
func (o duties) scopes() []store.Verb {
	if o.password || o.factor {
		return restricted()
	}
	return nil
}

// scopes are what the account may do as it stands; nil: all that its role may.
func (d *Directory) scopes(tx store.Reader, tenant store.ID, a account) ([]store.Verb, error) {
	owed, err := d.duties(tx, tenant, a)
	return owed.scopes(), err
}

func (d *Directory) receive(ctx context.Context, from store.Source, tenant store.ID) (*store.Reception, error) {
	return d.db.Receive(ctx, rights.Unidentified(from), tenant)
}

// noneIfErased hides that a tenant was there once.
func noneIfErased(err, none error) error {
	if errors.Is(err, store.ErrErased) || errors.Is(err, store.ErrNotFound) {
		return none
	}
	return err
}

// expire takes away a session that is over. On a full disk it stays, over as before.
func (d *Directory) expire(ctx context.Context, tenant, user, id store.ID) error {
	err := d.asAppliance(ctx, tenant, user, func(tx *store.WriteTx) error {
		return d.endSessions(tx, user, func(s session) bool { return s.ID == id && d.over(s, tx.Now(), d.seen.at(id)) })
	})
	if full(err) {
		return nil
	}
	return err
}

// full reports whether there was no room for a change that can wait.
func full(err error) bool {
	var disk store.ErrReadOnly
	var file kv.ErrTooLarge
	return errors.As(err, &disk) || errors.As(err, &file)
}

// asAppliance runs a transaction of the appliance itself, about sessions and keys.
func (d *Directory) asAppliance(ctx context.Context, tenant, object store.ID, fn func(*store.WriteTx) error) error {
	t, err := d.db.Tenant(ctx, rights.System(tenant), tenant)
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.SessionSeen, Object: object}, fn)
}

// SignOut ends the session of the token. One that has ended already is no error.
func (d *Directory) SignOut(ctx context.Context, by store.Principal, token SessionToken) error {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.SignOut, Object: by.User()}, func(tx *store.WriteTx) error {
		known := digest(token.Reveal())
		return d.endSessions(tx, by.User(), func(s session) bool { return s.Digest == known })
	})
}

// SessionInfo is an open session as its user sees it.
type SessionInfo struct {
	ID        store.ID  `json:"id"`
	Begun     time.Time `json:"begun"`
	Seen      time.Time `json:"seen"` // last used
	Ends      time.Time `json:"ends"` // at the latest
	Address   string    `json:"address,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
}

// Sessions lists the open sessions of a user, oldest first: one's own, or as administrator anybody's. store.ErrNotFound where the
// tenant has no such user.
func (d *Directory) Sessions(ctx context.Context, by store.Principal, user store.ID) (all []SessionInfo, err error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return nil, err
	}
	a := store.Action{Verb: rights.SessionList, Object: user}
	return all, t.View(ctx, a, func(tx *store.ReadTx) error {
		if err := ownOr(by, user, a.Verb); err != nil {
			return err
		}
		if err := d.mustExist(tx, user); err != nil {
			return err
		}
		r, err := find(tx, d.sessions, user)
		all = nil
		for _, s := range r.Value.Open {
			if seen := d.seen.at(s.ID); !d.over(s, d.now(), seen) {
				all = append(all, SessionInfo{s.ID, s.Begun, latest(s.Seen, seen), s.Begun.Add(d.options.Sessions.Life), s.Address, s.UserAgent})
			}
		}
		return err
	})
}

// CloseSession ends one session of a user, or all for the zero id: one's own, or as administrator anybody's. store.ErrNotFound
// where the tenant has no such user, or the user no such session.
func (d *Directory) CloseSession(ctx context.Context, by store.Principal, user, id store.ID) error {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return err
	}
	a := store.Action{Verb: rights.SessionClose, Object: user}
	return t.Update(ctx, a, func(tx *store.WriteTx) error {
		if err := ownOr(by, user, a.Verb); err != nil {
			return err
		}
		if err := d.mustExist(tx, user); err != nil {
			return err
		}
		found := id.IsZero()
		err := d.endSessions(tx, user, func(s session) bool {
			if s.ID == id {
				found = true
			}
			return id.IsZero() || s.ID == id
		})
		if err == nil && !found {
			return fmt.Errorf("session %s: %w", id, store.ErrNotFound)
		}
		return err
	})
}

// mustExist refuses the id of nobody, or of a user of another tenant: no sessions would look like one who has none.
func (d *Directory) mustExist(tx store.Reader, user store.ID) error {
	if _, err := d.users.Get(tx, user); err != nil {
		return fmt.Errorf("user %s: %w", user, err)
	}
	return nil
}

// ownOr lets users at what is theirs, and at all their tenant's administrators or the operators.
func ownOr(by store.Principal, owner store.ID, v store.Verb) error {
	if by.User() == owner || by.Role() == store.Admin || by.Role() == store.Operator && by.Tenant() == store.Appliance {
		return nil
	}
	return &store.DeniedError{Verb: v, Role: by.Role()}
}

// Standing says whether the session that a token was shown of still stands, for whoever holds something open on its account. Unlike
// Session it is no use of it: it does not put off its end, and leaves no entry. Errors: ErrNoSession, store.ErrLocked.
func (d *Directory) Standing(ctx context.Context, token SessionToken, from store.Source) error {
	k, err := d.caller(ctx, digest(token.Reveal()), from)
	if err != nil {
		return err
	}
	if k.state != Active || d.over(k.session, d.now(), d.seen.at(k.session.ID)) || k.owed.scopes() != nil {
		return ErrNoSession
	}
	return nil
}
