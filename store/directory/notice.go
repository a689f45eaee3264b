package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/foreign"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// NoticeKind is what a message to a user is about.
type NoticeKind string

// The kinds. The first two hold a token.
const (
	NoticeInvitation          NoticeKind = "invitation"            // leads to Accept
	NoticePasswordReset       NoticeKind = "password-reset"        // leads to AcceptPasswordReset
	NoticeAccountAdded        NoticeKind = "account-added"         // with a one-time password, which the one who added it hands over
	NoticeOneTimePassword     NoticeKind = "one-time-password"     // set by another, who hands it over
	NoticePasswordChanged     NoticeKind = "password-changed"      // by the user, or by whoever had the link
	NoticeSecondFactorAdded   NoticeKind = "second-factor-added"   // a TOTP application
	NoticeSecondFactorRemoved NoticeKind = "second-factor-removed" // by the user
	NoticeSecondFactorReset   NoticeKind = "second-factor-reset"   // by another, with all that belongs to it
	NoticePasskeyAdded        NoticeKind = "passkey-added"
	NoticePasskeyRemoved      NoticeKind = "passkey-removed"
	NoticeRecoveryCodeUsed    NoticeKind = "recovery-code-used"
	NoticeRecoveryCodesNew    NoticeKind = "recovery-codes-renewed"
	NoticeRoleChanged         NoticeKind = "role-changed"
	NoticeDisabled            NoticeKind = "account-disabled"
	NoticeEnabled             NoticeKind = "account-enabled"
	NoticeAdministratorAdded  NoticeKind = "administrator-added" // to the tenant's other administrators, by an operator
	NoticeBackupFailed        NoticeKind = "backup-failed"       // to operators; Item is the place
	NoticeDrillFailed         NoticeKind = "drill-failed"        // to operators; Item is the place
	NoticeBackupLeft          NoticeKind = "backup-left"         // to operators: what was to go could not be removed; Item is the place
)

const (
	noticeLife     = 30 * 24 * time.Hour // of a notice whose token ends no earlier
	firstPause     = 2 * time.Minute     // before a message that was taken is taken again; doubles
	lastPause      = time.Hour
	maxFailure     = 200 // bytes of why one could not be sent
	lapsedAtOnce   = 20  // of the oldest are looked at when one is written
	pendingNotices = "pending"
	maxTaken       = 1000
	errNoSender    = "messages are taken by the appliance's own sender, not by people"
)

// notice is a message to a user that was not sent yet. It lies with the user's tenant, whose key it dies with; when it was sent
// it is deleted.
type notice struct {
	Kind      NoticeKind `json:"kind"`
	User      store.ID   `json:"user"`
	Email     string     `json:"email"`
	Name      string     `json:"name"`
	Role      store.Role `json:"role,omitzero"`
	Token     string     `json:"token,omitempty"`
	Left      int        `json:"left,omitempty"`    // recovery codes
	Item      string     `json:"item,omitempty"`    // the name of a passkey
	Address   string     `json:"address,omitempty"` // whence what it is about was done
	UserAgent string     `json:"user_agent,omitempty"`
	Created   time.Time  `json:"created"`
	Expires   time.Time  `json:"expires"`
	Attempts  int        `json:"attempts,omitempty"`
	Next      time.Time  `json:"next,omitzero"` // not taken before
	Failure   string     `json:"failure,omitempty"`
}

// Notice is a message to a user that is still to be sent: what a text needs, no text.
type Notice struct {
	ID            store.ID
	Tenant        store.ID
	TenantName    string // "" of the appliance
	Kind          NoticeKind
	User          store.ID
	Email         string
	Name          string
	Role          store.Role // the user's present one
	Token         Secret     // of an invitation or a password reset; otherwise zero
	RecoveryCodes int        // left, where one was used
	Item          string     // name of the passkey that it is about
	Address       string     // IP address from which what it is about was done; "" where another did it
	UserAgent     string
	Created       time.Time
	Expires       time.Time // not sent after it
	Attempts      int       // to send it
	Next          time.Time // the next attempt, zero: at once
	Failure       string    // of the last attempt
}

func (d *Directory) viewNotice(tenant store.ID, name string, r store.Record[notice]) Notice {
	n := r.Value
	v := Notice{
		ID: r.ID, Tenant: tenant, TenantName: name, Kind: n.Kind, User: n.User, Email: n.Email, Name: n.Name, Role: n.Role,
		RecoveryCodes: n.Left, Item: n.Item, Address: n.Address, UserAgent: n.UserAgent,
		Created: n.Created, Expires: n.Expires, Attempts: n.Attempts, Next: n.Next, Failure: n.Failure,
	}
	if n.Token != "" {
		v.Token = NewSecret(n.Token)
	}
	return v
}

// from notes whence what the message is about was done, so that its reader can tell whether it was the reader.
func (n notice) from(s store.Source) notice {
	n.Address, n.UserAgent = s.Address, shortened(s.UserAgent)
	return n
}

// notify writes a message to the user in the transaction of the change that it is about, so that there is one for each
// change and none for a change that failed. Of n it takes kind, token and particulars; a zero expiry is that of its kind.
func (d *Directory) notify(tx *store.WriteTx, u store.Record[userRecord], n notice) (store.ID, error) {
	n.User, n.Email, n.Name, n.Role = u.ID, u.Value.Email, u.Value.Name, u.Value.Role
	n.Created = tx.Now()
	if n.Expires.IsZero() {
		n.Expires = tx.Now().Add(noticeLife)
	}
	id := tx.NewID()
	return id, errors.Join(d.dropLapsed(tx), d.notices.Insert(tx, id, n), d.outbox.Set(tx, pendingNotices, id))
}

// tell writes a message to the caller about what it did to its own account.
func (d *Directory) tell(tx *store.WriteTx, by store.Principal, k NoticeKind) error {
	u, err := d.users.Get(tx, by.User())
	if err != nil {
		return err
	}
	_, err = d.notify(tx, u, notice{Kind: k}.from(by.Source()))
	return err
}

// TellOperators writes a message to every operator with an account that is in use, about something that the appliance did by itself. item
// is a particular of it, in a line.
func (d *Directory) TellOperators(ctx context.Context, k NoticeKind, item string) error {
	t, err := d.db.Tenant(ctx, rights.System(store.Appliance), store.Appliance)
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.NoticeSend}, func(tx *store.WriteTx) error {
		return each(tx, d.users, func(u store.Record[userRecord]) error {
			if u.Value.State != Active {
				return nil
			}
			_, err := d.notify(tx, u, notice{Kind: k, Item: item})
			return err
		})
	})
}

// dropLapsed deletes messages that nobody sent in time, where nobody sends any.
func (d *Directory) dropLapsed(tx *store.WriteTx) error {
	page, err := d.notices.List(tx, "", lapsedAtOnce)
	for _, r := range page.Records {
		if !tx.Now().Before(r.Value.Expires) {
			err = errors.Join(err, d.notices.Delete(tx, r.ID, r.Version))
		}
	}
	return err
}

// unnotify takes a message back whose token is void, unless it was sent. The zero id is none.
func (d *Directory) unnotify(tx *store.WriteTx, id store.ID) error {
	r, err := find(tx, d.notices, id)
	if err != nil || r.Version == 0 {
		return err
	}
	return d.notices.Delete(tx, id, r.Version)
}

// TakeNotices gives the appliance's sender up to limit (1 to 1,000) messages that are due, of all tenants, and counts the
// attempt: one that is not marked by MarkNotices is due again after two minutes, then four, and so on up to an hour, until it
// expires. So after a crash a message may be sent twice and none is lost. It leaves one entry in the log of each tenant whose
// messages it takes, and none where nothing is due.
//
// Tokens open accounts: only who works on the host may take them (HostOperator), no operator with an account.
func (d *Directory) TakeNotices(ctx context.Context, by store.Principal, limit int) (all []Notice, err error) {
	if limit < 1 || limit > maxTaken {
		return nil, store.Invalid("limit", "take %d notices: not between 1 and %d", limit, maxTaken)
	}
	if err := d.mustSend(ctx, by); err != nil {
		return nil, err
	}
	waiting, err := d.db.Follow(ctx, d.outbox, pendingNotices)
	if err != nil {
		return nil, err
	}
	for _, at := range waiting {
		if len(all) >= limit {
			break
		}
		some, err := d.takeFrom(ctx, by, at.Tenant, limit-len(all))
		if err != nil && !errors.Is(err, store.ErrErased) {
			return all, fmt.Errorf("take notices of tenant %s: %w", at.Tenant, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// mustSend denies the sender's verbs to users, and enters that.
func (d *Directory) mustSend(ctx context.Context, by store.Principal) error {
	if by.Role() == store.Operator && by.User().IsZero() {
		return nil
	}
	t, err := d.db.Tenant(ctx, by, by.Tenant())
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.NoticeSend}, func(*store.WriteTx) error {
		return fmt.Errorf(errNoSender+": %w", &store.DeniedError{Verb: rights.NoticeSend, Role: by.Role()})
	})
}

// takeFrom takes what is due of one tenant, and looks first whether anything is: looking leaves no entry.
func (d *Directory) takeFrom(ctx context.Context, by store.Principal, tenant store.ID, limit int) (all []Notice, err error) {
	r, err := d.receive(ctx, by.Source(), tenant)
	if err != nil {
		return nil, err
	}
	due := false
	err = r.Read(ctx, func(tx *store.ReadTx) error {
		due = false
		empty := true
		err := each(tx, d.notices, func(r store.Record[notice]) error {
			empty = false
			due = due || !d.now().Before(r.Value.Next)
			return nil
		})
		due = due || empty
		return err
	})
	if err != nil || !due {
		return nil, err
	}
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return nil, err
	}
	err = t.Update(ctx, store.Action{Verb: rights.NoticeSend}, func(tx *store.WriteTx) error {
		all, err = d.take(tx, tenant, limit)
		return err
	})
	return all, err
}

func (d *Directory) take(tx *store.WriteTx, tenant store.ID, limit int) (all []Notice, err error) {
	name, err := store.NameOf(tx)
	if err != nil {
		return nil, err
	}
	left := false
	err = each(tx, d.notices, func(r store.Record[notice]) error {
		n := &r.Value
		switch {
		case !tx.Now().Before(n.Expires):
			return d.notices.Delete(tx, r.ID, r.Version)
		case tx.Now().Before(n.Next) || len(all) == limit:
			left = true
			return nil
		}
		left = true
		n.Attempts++
		n.Next = tx.Now().Add(pause(n.Attempts))
		all = append(all, d.viewNotice(tenant, name, r))
		return save(tx, d.notices, r)
	})
	if err == nil && !left {
		err = d.outbox.Remove(tx, pendingNotices)
	}
	return all, err
}

// pause is how long an attempt is given before the next.
func pause(attempts int) time.Duration {
	if attempts > 5 { // 2^5 times two minutes are more than an hour
		return lastPause
	}
	return min(lastPause, firstPause<<(attempts-1))
}

// NoticeMark is what became of a message that was taken.
type NoticeMark struct {
	Tenant  store.ID
	Notice  store.ID
	Failure string // why it could not be sent, for the outbox; "": it was sent
}

// MarkNotices deletes messages that were sent and notes why others were not, which are due again as TakeNotices says. One
// that was withdrawn meanwhile is passed over. It leaves one entry in the log of each tenant.
func (d *Directory) MarkNotices(ctx context.Context, by store.Principal, marks []NoticeMark) error {
	if err := d.mustSend(ctx, by); err != nil {
		return err
	}
	byTenant := map[store.ID][]NoticeMark{}
	var order []store.ID
	for _, m := range marks {
		if byTenant[m.Tenant] == nil {
			order = append(order, m.Tenant)
		}
		byTenant[m.Tenant] = append(byTenant[m.Tenant], m)
	}
	var failed error
	for _, tenant := range order {
		err := d.markIn(ctx, by, tenant, byTenant[tenant])
		if errors.Is(err, store.ErrErased) {
			err = nil
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

func (d *Directory) markIn(ctx context.Context, by store.Principal, tenant store.ID, marks []NoticeMark) error {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.NoticeSend}, func(tx *store.WriteTx) error {
		for _, m := range marks {
			r, err := find(tx, d.notices, m.Notice)
			switch {
			case err != nil:
				return err
			case r.Version == 0:
				continue
			case m.Failure == "":
				err = d.notices.Delete(tx, r.ID, r.Version)
			default:
				r.Value.Failure = foreign.Line(m.Failure, maxFailure)
				err = save(tx, d.notices, r)
			}
			if err != nil {
				return err
			}
		}
		rest, err := d.notices.List(tx, "", 1)
		if err == nil && len(rest.Records) == 0 {
			err = d.outbox.Remove(tx, pendingNotices)
		}
		return err
	})
}

// NoticePage is a part of the outbox.
type NoticePage struct {
	Notices []Notice
	Next    store.Cursor // "" at the end
}

// Notices lists the messages of the caller's own tenant that are not sent yet, oldest first, up to limit (1 to 1,000) after
// the cursor, tokens included: where there is no mail, an administrator hands them over. Administrators read those of the
// tenant, operators those of the appliance. Each look is an entry.
func (d *Directory) Notices(ctx context.Context, by store.Principal, after store.Cursor, limit int) (all NoticePage, err error) {
	t, err := d.db.Tenant(ctx, by, by.Tenant())
	if err != nil {
		return all, err
	}
	return all, t.View(ctx, store.Action{Verb: rights.NoticeRead}, func(tx *store.ReadTx) error {
		name, err := store.NameOf(tx)
		if err != nil {
			return err
		}
		page, err := d.notices.List(tx, after, limit)
		if err != nil {
			return err
		}
		all = NoticePage{Next: page.Next}
		page.Records = slices.DeleteFunc(page.Records, func(r store.Record[notice]) bool { return !d.now().Before(r.Value.Expires) })
		for _, r := range page.Records {
			all.Notices = append(all.Notices, d.viewNotice(t.ID(), name, r))
		}
		return nil
	})
}
