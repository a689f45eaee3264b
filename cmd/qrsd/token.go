package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// tokenCommand is `qrsd token`.
type tokenCommand struct {
	Add    tokenAdd    `cmd:"" help:"Make an API key of one's own, for commands and programs."`
	List   tokenList   `cmd:"" help:"List one's API keys; for an administrator, the tenant's."`
	Revoke tokenRevoke `cmd:"" help:"End an API key at once."`
}

// personFlags name a user of a tenant, by password or API key.
type personFlags struct {
	storeFlags
	Tenant string `required:"" env:"QRSD_TENANT" placeholder:"TENANT" help:"Tenant, by name or id."`
	User   string `env:"QRSD_USER" placeholder:"EMAIL" help:"User of the tenant, whose password is in the file named by QRSD_PASSWORD_FILE or typed. Without it, QRSD_API_KEY holds an API key."`
}

// at signs the user in.
func (f personFlags) at(ctx context.Context, c console) (v *visit, leave func(*error), err error) {
	db, err := openStore(ctx, c, f.storeFlags)
	if err != nil {
		return nil, nil, err
	}
	as := tenantFlags{Tenant: f.Tenant, User: f.User}
	id, err := db.Named(ctx, f.Tenant)
	if err == nil {
		v, err = as.signIn(ctx, db, id)
	}
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return v, func(err *error) { *err = errors.Join(*err, v.leave(ctx), db.Close()) }, nil
}

// tokenAdd is `qrsd token add`.
type tokenAdd struct {
	Name string `arg:"" help:"What the key is for, in words of one's own."`
	personFlags
	Scope     []string `required:"" placeholder:"VERB" help:"What the key may do, such as run.submit,run.read; each a thing that its owner may."`
	Days      int      `default:"90" help:"Days until it expires, 1 to 366."`
	TokenFile string   `placeholder:"FILE" help:"Write the key into this new file in place of showing it on the terminal."`
	JSON      bool     `help:"Print the key's description as JSON. The key is never in it."`
}

// Run carries out the command.
func (x *tokenAdd) Run(ctx context.Context, c console) (err error) {
	if x.Days < 1 || x.Days > 366 {
		return &runner.ErrUsage{Reason: fmt.Sprintf("days %d: must be 1 to 366", x.Days)}
	}
	kept, err := keepOnce(x.TokenFile, "--token-file")
	if err != nil {
		return err
	}
	made := false
	defer func() {
		if !made {
			err = errors.Join(err, giveBack(kept, x.TokenFile))
		}
	}()
	v, leave, err := x.at(ctx, c)
	if err != nil {
		return err
	}
	defer leave(&err)
	info, key, err := v.people.AddAPIKey(ctx, v.principal, directory.NewAPIKey{
		Name: x.Name, Scopes: x.Scope, Expires: time.Now().AddDate(0, 0, x.Days),
	})
	if err != nil {
		return err
	}
	made = true
	if err := giveOnce(kept, x.TokenFile, key.Reveal(), "API key "+info.KeyID+", for QRSD_API_KEY:", "It is not shown again."); err != nil {
		return fmt.Errorf("the key was made, but could not be given: %w; revoke it: qrsd token revoke %s", err, info.ID)
	}
	if x.JSON {
		return printJSON(c.out, info)
	}
	fmt.Fprintf(c.out, "API key %s added for %s until %s\n", info.ID, strings.Join(info.Scopes, ", "), minute(info.Expires))
	return nil
}

// tokenList is `qrsd token list`.
type tokenList struct {
	personFlags
	JSON bool `help:"Print the keys' descriptions as JSON."`
}

// Run carries out the command.
func (x *tokenList) Run(ctx context.Context, c console) (err error) {
	v, leave, err := x.at(ctx, c)
	if err != nil {
		return err
	}
	defer leave(&err)
	all, err := v.people.APIKeys(ctx, v.principal)
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, append([]directory.APIKeyInfo{}, all...))
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "id\tname\towner\tscopes\texpires\tused\trevoked")
	for _, k := range all {
		revoked := ""
		if k.Revoked != nil {
			revoked = minute(*k.Revoked)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, printableText(k.Name), k.Owner, strings.Join(k.Scopes, ","), minute(k.Expires), minute(k.Used), revoked)
	}
	return t.Flush()
}

// tokenRevoke is `qrsd token revoke`.
type tokenRevoke struct {
	ID string `arg:"" help:"Id of the key, as qrsd token list shows it."`
	personFlags
	JSON bool `help:"Print the key's id as JSON."`
}

// Run carries out the command.
func (x *tokenRevoke) Run(ctx context.Context, c console) (err error) {
	id, err := store.ParseID(x.ID)
	if err != nil {
		return &runner.ErrUsage{Reason: err.Error()}
	}
	v, leave, err := x.at(ctx, c)
	if err != nil {
		return err
	}
	defer leave(&err)
	if err := v.people.RevokeAPIKey(ctx, v.principal, id); err != nil {
		return fmt.Errorf("API key %s: %w", id, err)
	}
	if x.JSON {
		return printJSON(c.out, struct {
			ID      store.ID `json:"id"`
			Revoked bool     `json:"revoked"`
		}{id, true})
	}
	fmt.Fprintf(c.out, "API key %s is revoked\n", id)
	return nil
}
