package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// tenantState is what the appliance keeps of a tenant: nothing that would identify it.
type tenantState struct {
	Created time.Time  `json:"created"`
	Erased  *time.Time `json:"erased,omitempty"`
}

// profile is what the tenant is called, kept under its own key.
type profile struct {
	Name string `json:"name"`
}

var (
	tenantStates = Define[tenantState]("tenants", 1)
	profiles     = Define[profile]("profile", 1)
	// tenantNames lead from a name to the tenants that bear it.
	tenantNames = DefineSignpost("tenant.name")
)

// TenantInfo is a tenant as the operator sees it.
type TenantInfo struct {
	ID      ID         `json:"id"`
	Name    string     `json:"name,omitempty"` // gone when erased
	Created time.Time  `json:"created"`
	Erased  *time.Time `json:"erased,omitempty"`
}

// AddTenant makes a tenant with keys of its own. The name is 1 to 200 characters, kept under the tenant's key.
func (db *DB) AddTenant(ctx context.Context, p Principal, name string) (ID, error) {
	t, a := db.appliance(p), Action{Verb: rights.TenantAdd}
	if err := t.permit(ctx, a); err != nil {
		return ID{}, err
	}
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n < 1 || n > 200 || !utf8.ValidString(name) {
		return ID{}, t.settle(ctx, a, Invalid("name", "name of a tenant: %d characters are not between 1 and 200", n))
	}
	id := db.newID(db.now())
	err := t.changeKeys(ctx, keyChange{
		verb: rights.TenantAdd, intent: intent{Object: id},
		do: func() ([]keyring.Event, error) {
			events, err := db.ring.Add(ctx, grants(id))
			if err != nil {
				return nil, err
			}
			for _, owner := range []keyring.Owner{auditOwner(id), dataOwner(id)} {
				used, err := db.ring.Open(owner)
				if err != nil {
					return events, err
				}
				events = append(events, used...)
			}
			return events, nil
		},
		then: func(tx *WriteTx) error { return enrol(tx, id, name) },
	})
	if err != nil {
		return ID{}, err
	}
	return id, nil
}

// enrol writes the records of a new tenant: its state with the appliance's, its name under its own key and nowhere else but
// as a keyed hash.
func enrol(tx *WriteTx, id ID, name string) error {
	if err := tenantStates.Insert(tx, id, tenantState{Created: tx.now}); err != nil {
		return err
	}
	own := tx.within(id)
	return errors.Join(profiles.Insert(own, id, profile{name}), tenantNames.Set(own, name, id))
}

// within is the same transaction in the space of another tenant, for the appliance's own verbs. Changes are noted with tx.
func (tx *WriteTx) within(id ID) *WriteTx {
	t := *tx.tenant
	t.id = id
	return &WriteTx{tenant: &t, to: tx.to, now: tx.now, parent: tx}
}

// Tenants lists all tenants, erased ones included, in order of creation.
func (db *DB) Tenants(ctx context.Context, p Principal) (all []TenantInfo, err error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	t := db.appliance(p)
	if err := t.permit(ctx, Action{Verb: rights.TenantList}); err != nil {
		return nil, err
	}
	for after := Cursor(""); ; {
		var page Page[tenantState]
		err := db.kv.View(ctx, func(from *kv.ReadTx) (err error) {
			page, err = tenantStates.List(&ReadTx{t, from}, after, maxPage)
			return err
		})
		if err != nil {
			return nil, t.settle(ctx, Action{Verb: rights.TenantList}, err)
		}
		for _, r := range page.Records {
			info := TenantInfo{ID: r.ID, Created: r.Value.Created, Erased: r.Value.Erased}
			if e, err := db.erasure(r.ID); err == nil && info.Erased == nil { // its entry is still to be written
				at := e.At.UTC()
				info.Erased = &at
			}
			if info.Erased == nil {
				if info.Name, err = db.nameOf(ctx, r.ID); err != nil {
					return nil, t.settle(ctx, Action{Verb: rights.TenantList}, err)
				}
			}
			all = append(all, info)
		}
		if after = page.Next; after == "" {
			return all, t.settle(ctx, Action{Verb: rights.TenantList}, nil)
		}
	}
}

func (db *DB) nameOf(ctx context.Context, id ID) (name string, err error) {
	if err := db.openKeys(ctx, id); err != nil {
		return "", err
	}
	t := &Tenant{db: db, id: id}
	err = db.kv.View(ctx, func(from *kv.ReadTx) error {
		r, err := profiles.Get(&ReadTx{t, from}, id)
		if errors.Is(err, ErrNotFound) { // its adding was cut short, and is to be undone
			return nil
		}
		name = r.Value.Name
		return err
	})
	return name, err
}

// NameOf is what the transaction's tenant is called, for those who work in it; "" of the appliance.
func NameOf(tx Reader) (string, error) {
	id := tenantOf(tx).id
	if id == Appliance {
		return "", nil
	}
	r, err := profiles.Get(tx, id)
	return r.Value.Name, err
}

// Named finds a tenant by id, or by its name where only one has it. It says an id, gives no right to anything, and opens
// nobody's keys.
func (db *DB) Named(ctx context.Context, text string) (ID, error) {
	if id, err := ParseID(text); err == nil {
		return id, nil
	}
	found, err := db.Follow(ctx, tenantNames, text)
	switch {
	case err != nil:
		return ID{}, err
	case len(found) == 0:
		return ID{}, fmt.Errorf("tenant %q: %w; qrsd tenant list shows them", text, ErrNotFound)
	case len(found) > 1:
		return ID{}, fmt.Errorf("several tenants are called %q: give the id (qrsd tenant list)", text)
	}
	return found[0].Tenant, nil
}
