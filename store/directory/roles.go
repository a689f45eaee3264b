package directory

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// RoleInfo is a role with what it may do.
type RoleInfo struct {
	Role  store.Role
	Verbs []store.Verb // in the order of the permission table
}

// Roles lists the roles with their verbs, as the permission table of the store has them.
func (d *Directory) Roles(ctx context.Context, by store.Principal) (all []RoleInfo, err error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return nil, err
	}
	return all, t.View(ctx, store.Action{Verb: rights.RoleList}, func(*store.ReadTx) error {
		for _, role := range rights.AllRoles() {
			info := RoleInfo{Role: role}
			for _, v := range rights.Verbs() {
				if rights.Allowed(role, v) {
					info.Verbs = append(info.Verbs, v)
				}
			}
			all = append(all, info)
		}
		return nil
	})
}
