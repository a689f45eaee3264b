package directory

import (
	"errors"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Operators with accounts are the users of the appliance, which is the reserved tenant store.Appliance: they sign in and keep
// their account like everybody, and hold the operator's verbs and no others. Who works on the host with the store's key
// (HostOperator) has no account, and can mend those of the others.

// principal is a user who gave proof. A record that says operator in a tenant, or something else in the appliance, gives
// nothing: no verb writes one.
func principal(user, tenant store.ID, r store.Role, from store.Source, scopes []store.Verb) (store.Principal, error) {
	switch {
	case (r == store.Operator) != (tenant == store.Appliance):
		return store.Principal{}, fmt.Errorf("user %s of tenant %s has the role %s, which cannot be", user, tenant, r)
	case r == store.Operator:
		return rights.OperatorUser(user, tenant, from, scopes), nil
	}
	return rights.User(user, tenant, r, from, scopes), nil
}

// checkRole refuses a role that users of the tenant cannot have.
func checkRole(tenant store.ID, r store.Role) error {
	if tenant == store.Appliance {
		if r != store.Operator {
			return store.Invalid("role", "role %q: the users of the appliance itself are operators; for another role name a tenant", r)
		}
		return nil
	}
	if _, err := store.ParseRole(r.String()); err != nil {
		return store.Invalid("role", "%s", err)
	}
	return nil
}

// AddVerb is what adding a user asks for: operators are added under a verb of their own.
func AddVerb(tenant store.ID) store.Verb {
	if tenant == store.Appliance {
		return rights.OperatorAdd
	}
	return rights.UserAdd
}

// mayAdd refuses what an operator with an account may not add to a tenant: it runs the appliance and sees no tenant's data, so it must
// not become the tenant's user. It may add an administrator where there is none who could, and nobody else. Who works on the host
// holds the store's key, and may mend every tenant.
func (d *Directory) mayAdd(tx store.Reader, by store.Principal, tenant store.ID, r store.Role) error {
	if by.Role() != store.Operator || by.User().IsZero() || tenant == store.Appliance {
		return nil
	}
	denied := fmt.Errorf("%w: %w", ErrNotForOperators, &store.DeniedError{Verb: rights.UserAdd, Role: by.Role()}) // entered as a denial
	if r != store.Admin {
		return denied
	}
	switch err := d.anotherRuler(tx, tenant, store.ID{}); {
	case err == nil:
		return denied
	case errors.Is(err, ErrLastAdmin): // which says that there is none
		return nil
	default:
		return err
	}
}

// tellAdministrators writes to all other administrators of a tenant, invited and disabled ones too, that an operator added one.
func (d *Directory) tellAdministrators(tx *store.WriteTx, by store.Principal, tenant store.ID, added account) error {
	if by.Role() != store.Operator || tenant == store.Appliance || added.user.Value.Role != store.Admin {
		return nil
	}
	return each(tx, d.users, func(r store.Record[userRecord]) error {
		if r.Value.Role != store.Admin || r.ID == added.user.ID {
			return nil
		}
		_, err := d.notify(tx, r, notice{Kind: NoticeAdministratorAdded})
		return err
	})
}

// ChangeVerb is what changing a user asks for. An operator changes operators and no user of a tenant.
func ChangeVerb(tenant store.ID) store.Verb {
	if tenant == store.Appliance {
		return rights.OperatorChange
	}
	return rights.UserChange
}

// rules reports whether the user can administer its tenant, or the appliance.
func rules(u userRecord) bool {
	return (u.Role == store.Admin || u.Role == store.Operator) && u.State == Active
}

// anotherRuler wants an active administrator, or operator, besides the one. What it reads is part of the transaction, so two
// who disable each other at once do not both succeed.
func (d *Directory) anotherRuler(tx store.Reader, tenant, but store.ID) error {
	errFound := errors.New("found")
	err := each(tx, d.users, func(r store.Record[userRecord]) error {
		if r.ID != but && rules(r.Value) {
			return errFound
		}
		return nil
	})
	switch {
	case errors.Is(err, errFound):
		return nil
	case err != nil:
		return err
	case tenant == store.Appliance:
		return ErrLastOperator
	}
	return ErrLastAdmin
}

// forOperatorKeys are the verbs that an operator's API key may have: those that watch the appliance and change nothing.
func forOperatorKeys() []store.Verb {
	return []store.Verb{
		rights.TenantList, rights.CertificateRead, rights.KeyList, rights.SlotList, rights.StoreStatus, rights.StoreDiagnose, rights.SupportBundle, rights.BackupRead, rights.SettingRead,
		rights.AuditVerify, rights.AuditSystem, rights.LedgerVerify,
	}
}

// notForKey is why no API key in the hands of that role may have the verb; nil if one may.
func notForKey(r store.Role, v store.Verb) error {
	in := func(all []store.Verb) bool {
		return slices.ContainsFunc(all, func(one store.Verb) bool { return one.String() == v.String() })
	}
	switch {
	case in(notForKeys()):
		return store.Invalid("scopes", "API key: scope %s is not for keys: users, sessions, messages and keys are changed by people", v)
	case r == store.Operator && !in(forOperatorKeys()):
		return store.Invalid("scopes", "API key: scope %s is not for keys of operators, which watch the appliance and change nothing", v)
	}
	return nil
}
