package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/logins"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/web/client"
	"github.com/qrsrisk/qrsd/web/wire"
)

// loginCommand is `qrsd login`.
type loginCommand struct {
	Address string `arg:"" optional:"" name:"url" help:"Appliance, such as https://qrsd.example.com:8443."`
	User    string `placeholder:"EMAIL" help:"Sign in as this person, with password and code, and make an API key for the commands of this host."`
	Tenant  string `placeholder:"ID" help:"With --user: the tenant, where address and password belong to several."`
	Days    int    `default:"90" help:"With --user: days until the key expires, 1 to 366."`
	List    bool   `help:"List the appliances that were signed in to."`
	reachFlags
	homeFlags
}

// Help is shown by `qrsd login --help`.
func (loginCommand) Help() string {
	return `Keeps an API key for an appliance, and which certificate to trust, in logins.json of the user's configuration folder, with mode 0600. The key is that of
--api-key-file or QRSD_API_KEY, or typed; with --user it is made: password and code are typed, or come from the files that QRSD_PASSWORD_FILE and
QRSD_CODE_FILE name, and are kept nowhere. qrsd logout removes the key from this host; its owner revokes it on the page API keys.`
}

// Run carries out the command.
func (x *loginCommand) Run(ctx context.Context, c console) error {
	folder, err := x.folder()
	if err != nil {
		return err
	}
	file := logins.Open(folder)
	if x.List {
		return listLogins(c, file)
	}
	switch {
	case x.Address == "":
		return &runner.ErrUsage{Reason: "name the appliance, such as https://qrsd.example.com:8443"}
	case x.Days < 1 || x.Days > 366:
		return &runner.ErrUsage{Reason: fmt.Sprintf("--days %d: must be 1 to 366", x.Days)}
	}
	l := logins.Login{}
	if l.Server, err = serverURL(x.Address); err != nil {
		return err
	}
	if old, err := file.Find(l.Server); err == nil {
		l.Roots, l.Fingerprint = old.Roots, old.Fingerprint
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := x.trust(&l); err != nil {
		return err
	}
	if x.User != "" {
		err = x.makeKey(ctx, &l, folder)
	} else {
		err = x.takeKey(ctx, &l, folder)
	}
	if err != nil {
		return err
	}
	if err := file.Keep(l); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "signed in to %s; the API key is in %s\n", l.Server, file.Path())
	return nil
}

// takeKey takes a key that there is, and asks the appliance whether it knows it.
func (x *loginCommand) takeKey(ctx context.Context, l *logins.Login, folder string) (err error) {
	if l.APIKey, err = x.apiKey(); err != nil {
		return err
	}
	if l.APIKey == "" {
		typedKey, err := typed(ctx, "API key: ")
		if errors.Is(err, errNoTerminal) {
			return &runner.ErrUsage{Reason: "there is no terminal to type an API key on: name a file with it (--api-key-file), or sign in as a person (--user)"}
		}
		if err != nil {
			return err
		}
		if l.APIKey = logins.Key(typedKey); len(typedKey) < 5 || string(typedKey[:4]) != "qrs_" {
			return &runner.ErrUsage{Reason: "this is no API key; one begins with qrs_"}
		}
	}
	a, err := clientOf(*l, folder)
	if err != nil {
		return err
	}
	for _, err := range a.Roles(ctx) {
		var p *client.Problem
		if errors.As(err, &p) && p.Status == 403 {
			return nil // the key is known, and may other things
		}
		return err
	}
	return nil
}

// makeKey signs in as a person and makes a key of that person's for what the commands do, as far as the role may.
func (x *loginCommand) makeKey(ctx context.Context, l *logins.Login, folder string) error {
	a, err := clientOf(*l, folder)
	if err != nil {
		return err
	}
	s, err := x.signIn(ctx, a)
	if err != nil {
		return err
	}
	defer func() { _ = a.SignOut(context.WithoutCancel(ctx)) }() // the key has been made; the session ends by itself too
	if s.Restricted {
		return fmt.Errorf("the account of %s is not in order yet (%s): do that on %s/signed-in first: %w", x.User, s.MustDo, l.Server, errNotInOrder)
	}
	scopes, err := commandScopes(ctx, a, s.Role)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "a host"
	}
	expires := time.Now().AddDate(0, 0, x.Days)
	made, err := a.AddAPIKey(ctx, wire.NewAPIKey{Name: "qrsd login on " + host, Scopes: scopes, Expires: &expires})
	if err != nil {
		return err
	}
	l.APIKey = logins.Key(made.Secret)
	return nil
}

// signIn signs in with password and, where it is needed, code.
func (x *loginCommand) signIn(ctx context.Context, a *client.Client) (wire.Session, error) {
	password, err := secretOr(ctx, "QRSD_PASSWORD_FILE", "password of "+x.User+": ")
	if err != nil {
		return wire.Session{}, err
	}
	as := wire.SignIn{Email: x.User, Password: string(password), Tenant: x.Tenant}
	s, err := a.SignIn(ctx, as)
	var p *client.Problem
	if errors.As(err, &p) && p.Kind() == "second-factor-needed" {
		code, asking := secretOr(ctx, "QRSD_CODE_FILE", "code of the second factor: ")
		if asking != nil {
			return s, errors.Join(err, asking)
		}
		as.Code = string(code)
		s, err = a.SignIn(ctx, as)
	}
	if errors.As(err, &p) && p.Kind() == "tenant-needed" {
		return s, &runner.ErrUsage{Reason: fmt.Sprintf("address and password belong to several tenants; name one with --tenant: %s", p.Tenants)}
	}
	if err != nil || s.SteppedUp != nil {
		return s, err
	}
	return a.StepUp(ctx, wire.StepUp{Password: string(password), Code: as.Code})
}

// commandScopes are the verbs of the permission table that the commands of an appliance need and the role has.
func commandScopes(ctx context.Context, a *client.Client, role string) ([]string, error) {
	wanted := []string{
		"portfolio.import", "portfolio.check", "portfolio.read", "portfolio.delete", "run.submit", "run.read", "run.cancel", "run.export", "seal.read", "estimate.read",
		"model.read", "approval.request", "approval.read", "role.list",
	}
	for r, err := range a.Roles(ctx) {
		if err != nil {
			return nil, err
		}
		if r.Name == role {
			return slices.DeleteFunc(wanted, func(verb string) bool { return !slices.Contains(r.Verbs, verb) }), nil
		}
	}
	return nil, fmt.Errorf("the appliance has no role %q", role)
}

func listLogins(c console, file logins.File) error {
	all, present, err := file.All()
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return &notThere{"no appliance was signed in to; qrsd login URL does"}
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, l := range all {
		trusted, mark := "the authorities of this host", ""
		switch {
		case l.Roots != "":
			trusted = "authorities of its own"
		case l.Fingerprint != "":
			trusted = "the certificate " + l.Fingerprint[:min(16, len(l.Fingerprint))] + "…"
		}
		if l.Server == present {
			mark = "used unless another is named"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", l.Server, trusted, mark)
	}
	return t.Flush()
}

// logoutCommand is `qrsd logout`.
type logoutCommand struct {
	Address string `arg:"" optional:"" name:"url" help:"Appliance; the one of the last qrsd login unless told."`
	homeFlags
}

// Run carries out the command.
func (x *logoutCommand) Run(ctx context.Context, c console) error {
	folder, err := x.folder()
	if err != nil {
		return err
	}
	server := ""
	if x.Address != "" {
		if server, err = serverURL(x.Address); err != nil {
			return err
		}
	}
	l, err := logins.Open(folder).Remove(server)
	if errors.Is(err, fs.ErrNotExist) {
		return &notThere{fmt.Sprintf("there is no login of %s", cmp.Or(server, "any appliance"))}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "signed out of %s; the API key is no longer on this host, and good until it expires or is revoked on the page API keys\n", l.Server)
	return nil
}
