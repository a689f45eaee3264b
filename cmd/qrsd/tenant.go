package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/store"
)

// tenantCommand is `qrsd tenant`.
type tenantCommand struct {
	Add   tenantAdd   `cmd:"" help:"Add a tenant, with keys of its own."`
	List  tenantList  `cmd:"" help:"List tenants, erased ones included."`
	Erase tenantErase `cmd:"" help:"Destroy a tenant's keys and data, and write a certificate of it."`
}

// tenantAdd is `qrsd tenant add`.
type tenantAdd struct {
	Name string `arg:"" help:"What the tenant is called, 1 to 200 characters."`
	storeFlags
	JSON bool `help:"Print the tenant as JSON."`
}

// Run carries out the command.
func (x *tenantAdd) Run(ctx context.Context, c console) (err error) {
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	id, err := db.AddTenant(ctx, operator(), x.Name)
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, struct {
			ID   store.ID `json:"id"`
			Name string   `json:"name"`
		}{id, x.Name})
	}
	fmt.Fprintf(c.out, "tenant %s added: %s\nnext: qrsd user add --tenant %s --role admin EMAIL\n", x.Name, id, id)
	return nil
}

// tenantList is `qrsd tenant list`.
type tenantList struct {
	storeFlags
	JSON bool `help:"Print the tenants as JSON."`
}

// Run carries out the command.
func (x *tenantList) Run(ctx context.Context, c console) (err error) {
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	all, err := db.Tenants(ctx, operator())
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, append([]store.TenantInfo{}, all...))
	}
	if len(all) == 0 {
		fmt.Fprintln(c.out, "no tenants yet: qrsd tenant add NAME")
		return nil
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "id\tname\tadded\terased")
	for _, one := range all {
		erased := ""
		if one.Erased != nil {
			erased = minute(*one.Erased)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", one.ID, printableText(one.Name), minute(one.Created), erased)
	}
	return t.Flush()
}

// tenantErase is `qrsd tenant erase`.
type tenantErase struct {
	Tenant string `arg:"" name:"id" help:"Tenant, by id or name."`
	storeFlags
	Yes  bool   `help:"Do not ask."`
	Out  string `short:"o" placeholder:"FILE" help:"Write the certificate of erasure, signed, into this new file."`
	JSON bool   `help:"Print the certificate as JSON."`
}

// Help is shown by `qrsd tenant erase --help`.
func (tenantErase) Help() string {
	return `Shows what will be destroyed and asks. Afterwards nobody can read the tenant's data, from this store nor from a backup of its
database. The audit log stays, without names, and can be verified. For a tenant that is erased already the certificate is written
again.`
}

// Run carries out the command.
func (x *tenantErase) Run(ctx context.Context, c console) (err error) {
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	by := operator()
	tenant, err := x.find(ctx, db, by)
	if err != nil {
		return err
	}
	certificate, err := x.erase(ctx, c, db, by, tenant)
	if err != nil {
		return err
	}
	if x.Out != "" {
		text, err := json.MarshalIndent(certificate, "", "  ")
		if err == nil {
			err = writeNew(x.Out, append(text, '\n'))
		}
		if err != nil {
			return fmt.Errorf("the tenant is erased, but its certificate could not be written: %w; the same command with another -o writes it again", err)
		}
	}
	if x.JSON {
		return printJSON(c.out, certificate)
	}
	fmt.Fprintf(c.out, "tenant %s erased %s: %s destroyed, key file generation %d\n", certificate.Tenant, minute(certificate.Erased),
		counted(len(certificate.Keys), "key"), certificate.Generation)
	fmt.Fprintf(c.out, "not attested: %s\n", certificate.NotAttested)
	if x.Out != "" {
		fmt.Fprintf(c.out, "certificate in %s\n", x.Out)
	}
	return nil
}

// find looks the tenant up among all, erased ones too.
func (x *tenantErase) find(ctx context.Context, db *store.DB, by store.Principal) (store.TenantInfo, error) {
	id, err := db.Named(ctx, x.Tenant)
	if err != nil {
		return store.TenantInfo{}, err
	}
	all, err := db.Tenants(ctx, by)
	if err != nil {
		return store.TenantInfo{}, err
	}
	for _, one := range all {
		if one.ID == id {
			return one, nil
		}
	}
	return store.TenantInfo{}, fmt.Errorf("tenant %s: %w; qrsd tenant list shows them", x.Tenant, store.ErrNotFound)
}

func (x *tenantErase) erase(ctx context.Context, c console, db *store.DB, by store.Principal, tenant store.TenantInfo) (*store.Certificate, error) {
	if tenant.Erased != nil {
		certificate, err := db.Certificate(ctx, by, tenant.ID)
		if !errors.Is(err, store.ErrNotFound) {
			fmt.Fprintf(c.err, "tenant %s is erased already\n", tenant.ID)
			return certificate, err
		}
		fmt.Fprintf(c.err, "the keys of tenant %s are destroyed already; the erasure goes on\n", tenant.ID)
		services, err := x.services(ctx)
		if err != nil {
			return nil, err
		}
		return db.EraseTenant(ctx, by, tenant.ID, services...)
	}
	if err := printErasure(ctx, c.err, db, by, tenant); err != nil {
		return nil, err
	}
	if !x.Yes {
		if err := agree(ctx, "This cannot be undone. Type the tenant's name to go on: ", tenant.Name); err != nil {
			return nil, err
		}
	}
	services, err := x.services(ctx)
	if err != nil {
		return nil, err
	}
	return db.EraseTenant(ctx, by, tenant.ID, services...)
}

// printErasure is the plan: what goes and what stays.
func printErasure(ctx context.Context, w io.Writer, db *store.DB, by store.Principal, tenant store.TenantInfo) error {
	keys, err := db.Keys(ctx, by)
	if err != nil {
		return err
	}
	count := 0
	for _, k := range keys {
		if store.ID(k.Owner.Space) == tenant.ID && k.Owner.Hierarchy.String() == "data" {
			count += 1 + len(k.DataKeys)
		}
	}
	fmt.Fprintf(w, "erase tenant %s, %s, added %s:\n", tenant.ID, printableText(tenant.Name), minute(tenant.Created))
	fmt.Fprintf(w, "  destroyed: %s, and so every record, blob and ledger text under them, here and in every copy of the database\n", counted(count, "key"))
	fmt.Fprintf(w, "  replaced:  the root key, and the whole key file\n")
	fmt.Fprintf(w, "  stays:     the audit log with ids in place of names, and the hashes of the ledger\n")
	fmt.Fprintf(w, "  not ours:  copies of the key file made before, in backups; they end with their own retention\n")
	return nil
}

// writeNew writes a file that does not exist yet, durably, readable by its owner.
func writeNew(path string, text []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}
