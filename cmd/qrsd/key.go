package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// keyCommand is `qrsd key`.
type keyCommand struct {
	List      keyList        `cmd:"" help:"List keys with their versions and ages; never the keys."`
	Rotate    keyRotate      `cmd:"" help:"Give a tenant new keys; what was written stays readable. Happens by itself every 90 days."`
	Rewrap    keyRewrap      `cmd:"" help:"Emergency: a new root key and new key-encryption keys for all tenants, when the root key may be known to others."`
	Reencrypt keyReencrypt   `cmd:"" help:"Emergency: encrypt everything of a tenant anew, when a data key may be known to others."`
	Slot      keySlotCommand `cmd:"" help:"List, add and remove the ways to unlock the store."`
	Recovery  keyRecovery    `cmd:"" help:"Make a new recovery key, shown once, in place of the one that may be known to others."`
	Public    keyPublic      `cmd:"" help:"Print the public keys that sign a log's checkpoints, to be kept by whoever verifies exports."`
}

// keyList is `qrsd key list`.
type keyList struct {
	storeFlags
	Tenant string `env:"QRSD_TENANT" placeholder:"TENANT" help:"Keys of this tenant alone, by name or id."`
	JSON   bool   `help:"Print the keys as JSON."`
}

// keyOutput is one owner of keys: a tenant in one hierarchy.
type keyOutput struct {
	Tenant    store.ID        `json:"tenant"`
	Hierarchy string          `json:"hierarchy"` // data, or audit, which outlives an erasure
	KEK       string          `json:"kek"`
	Version   uint32          `json:"version"`
	Created   time.Time       `json:"created"`
	Due       time.Time       `json:"due"`
	DataKeys  []dataKeyOutput `json:"data_keys"`
	Destroyed []string        `json:"destroyed"`
}

// dataKeyOutput is one data key.
type dataKeyOutput struct {
	Purpose uint16    `json:"purpose"`
	Epoch   uint32    `json:"epoch"`
	Key     string    `json:"key"`
	Created time.Time `json:"created"`
	Current bool      `json:"current"` // encrypts; the others only decrypt
	Used    uint64    `json:"used"`    // encryptions so far, at most
}

// Run carries out the command.
func (x *keyList) Run(ctx context.Context, c console) (err error) {
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	var only store.ID
	if x.Tenant != "" {
		if only, err = db.Named(ctx, x.Tenant); err != nil {
			return err
		}
	}
	all, err := db.Keys(ctx, operator())
	if err != nil {
		return err
	}
	out := []keyOutput{}
	for _, k := range all {
		if o := newKeyOutput(k); only.IsZero() || o.Tenant == only {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b keyOutput) int { return bytes.Compare(a.Tenant[:], b.Tenant[:]) })
	if len(out) == 0 {
		return fmt.Errorf("keys of tenant %s: %w", x.Tenant, store.ErrNotFound)
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	printKeys(c.out, out)
	return nil
}

func newKeyOutput(k store.KeyStatus) keyOutput {
	o := keyOutput{
		Tenant: store.ID(k.Owner.Space), Hierarchy: k.Owner.Hierarchy.String(), KEK: k.KeyID.String(), Version: k.Version,
		Created: k.Created, Due: k.Created.Add(store.RotateAfter), DataKeys: []dataKeyOutput{}, Destroyed: []string{},
	}
	for _, d := range k.DataKeys {
		o.DataKeys = append(o.DataKeys, dataKeyOutput{uint16(d.Purpose), d.Epoch, d.KeyID.String(), d.Created, d.Current, d.Used})
	}
	for _, id := range k.Retired {
		o.Destroyed = append(o.Destroyed, id.String())
	}
	return o
}

func printKeys(w io.Writer, all []keyOutput) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "tenant\thierarchy\tkey\tversion\tmade\tdue\tdata keys\tolder ones\tdestroyed")
	for _, k := range all {
		current := 0
		for _, d := range k.DataKeys {
			if d.Current {
				current++
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%d\t%d\t%d\n", tenantInWords(k.Tenant), k.Hierarchy, k.KEK, k.Version, minute(k.Created),
			minute(k.Due), current, len(k.DataKeys)-current, len(k.Destroyed))
	}
	t.Flush()
}

// keyRotate is `qrsd key rotate`.
type keyRotate struct {
	storeFlags
	Tenant string `env:"QRSD_TENANT" xor:"whose" placeholder:"TENANT" help:"Tenant, by name or id. Without it the appliance's own keys are rotated."`
	All    bool   `xor:"whose" help:"The keys of the appliance and of all tenants."`
	JSON   bool   `help:"Print whose keys were rotated as JSON."`
}

// Run carries out the command.
func (x *keyRotate) Run(ctx context.Context, c console) (err error) {
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	by := operator()
	tenants, err := chosenTenants(ctx, db, by, x.Tenant, x.All)
	if err != nil {
		return err
	}
	shown := startTally(c.err, int64(len(tenants)))
	defer shown.stop()
	for i, id := range tenants {
		if err := db.RotateKeys(ctx, by, id); err != nil {
			return fmt.Errorf("keys of %s: %w", tenantInWords(id), err)
		}
		shown.of("tenants rotated", i+1, len(tenants))
	}
	if x.JSON {
		return printJSON(c.out, struct {
			Rotated []store.ID `json:"rotated"`
		}{tenants})
	}
	for _, id := range tenants {
		fmt.Fprintf(c.out, "keys of %s are rotated\n", tenantInWords(id))
	}
	return nil
}

// chosenTenants is the named one, the appliance, or it and all that are not erased.
func chosenTenants(ctx context.Context, db *store.DB, by store.Principal, name string, all bool) ([]store.ID, error) {
	if name != "" {
		id, err := db.Named(ctx, name)
		return []store.ID{id}, err
	}
	out := []store.ID{store.Appliance}
	if !all {
		return out, nil
	}
	tenants, err := db.Tenants(ctx, by)
	for _, one := range tenants {
		if one.Erased == nil {
			out = append(out, one.ID)
		}
	}
	return out, err
}

// keyRewrap is `qrsd key rewrap`.
type keyRewrap struct {
	storeFlags
	JSON bool `help:"Print what was done as JSON."`
}

// Help is shown by `qrsd key rewrap --help`.
func (keyRewrap) Help() string {
	return `Values are not touched. Stopped, the same command goes on where it was. All ways to unlock stay as they are: one that became
known to others is replaced by qrsd key slot add and remove, or qrsd key recovery. A store that AWS KMS or a PKCS#11 token also unlocks needs it named here.`
}

// Run carries out the command.
func (x *keyRewrap) Run(ctx context.Context, c console) (err error) {
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	services, err := x.services(ctx)
	if err != nil {
		return err
	}
	shown := startTally(c.err, -1)
	owners := 0
	err = db.RewrapKeys(ctx, operator(), func(done, total int) {
		owners = total
		shown.of("owners of keys", done, total)
	}, services...)
	shown.stop()
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, struct {
			Owners int `json:"owners"`
		}{owners})
	}
	fmt.Fprintf(c.out, "the root key and the keys of %s are new; remove copies of the key file made before\n", counted(owners, "owner"))
	return nil
}

// keyReencrypt is `qrsd key reencrypt`.
type keyReencrypt struct {
	storeFlags
	Tenant string `env:"QRSD_TENANT" xor:"whose" placeholder:"TENANT" help:"Tenant, by name or id. Without it the appliance's own records."`
	All    bool   `xor:"whose" help:"The appliance and all tenants."`
	JSON   bool   `help:"Print whose records were encrypted anew as JSON."`
}

// Help is shown by `qrsd key reencrypt --help`.
func (keyReencrypt) Help() string {
	return `Writes every record, index and blob again and destroys the old data keys. Entries of the audit log and of the ledger stay as they
were written, because their proofs are over those bytes. Stopped, the same command goes on where it was, and so does the next unlock.`
}

// Run carries out the command.
func (x *keyReencrypt) Run(ctx context.Context, c console) (err error) {
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	by := operator()
	tenants, err := chosenTenants(ctx, db, by, x.Tenant, x.All)
	if err != nil {
		return err
	}
	shown := startTally(c.err, -1)
	defer shown.stop()
	for _, id := range tenants {
		err := db.Reencrypt(ctx, by, id, func(what string, done int64) { shown.at(what, done) })
		if err != nil {
			return fmt.Errorf("encrypt %s anew: %w", tenantInWords(id), err)
		}
	}
	if x.JSON {
		return printJSON(c.out, struct {
			Reencrypted []store.ID `json:"reencrypted"`
		}{tenants})
	}
	for _, id := range tenants {
		fmt.Fprintf(c.out, "%s: encrypted anew, the old data keys are destroyed\n", tenantInWords(id))
	}
	return nil
}

// keyPublic is `qrsd key public`.
type keyPublic struct {
	storeFlags
	tenantFlags
	JSON bool `help:"Print the keys as JSON."`
}

// Help is shown by `qrsd key public --help`.
func (keyPublic) Help() string {
	return `Without --tenant the keys of the appliance's own log. Keep them apart from the store: qrsd audit verify FILE --keys holds an export
to keys that the store cannot have changed since.`
}

// publicOutput is `qrsd key public --json`.
type publicOutput struct {
	Log  string   `json:"log"`
	Keys []string `json:"keys"`
}

// Run carries out the command.
func (x *keyPublic) Run(ctx context.Context, c console) (err error) {
	t, leave, err := openTenant(ctx, c, x.storeFlags, x.tenantFlags)
	if err != nil {
		return err
	}
	defer leave(&err)
	kinds := []store.LogKind{store.AuditLog}
	if t.ID() != store.Appliance {
		kinds = append(kinds, store.Lineage)
	}
	var out []publicOutput
	for _, kind := range kinds {
		keys, err := t.PublicKeys(kind)
		if err != nil {
			return err
		}
		out = append(out, publicOutput{kind.String(), keys})
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	for _, o := range out {
		fmt.Fprintf(c.out, "# %s log of %s\n", o.Log, tenantInWords(t.ID()))
		for _, k := range o.Keys {
			fmt.Fprintln(c.out, k)
		}
	}
	return nil
}
