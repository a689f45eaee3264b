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
func (d *Directory) anotherRuler(tx *store.WriteTx, tenant, but store.ID) error {
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
		rights.TenantList, rights.CertificateRead, rights.KeyList, rights.SlotList, rights.StoreStatus, rights.SettingRead,
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
