package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// userCommand is `qrsd user`.
type userCommand struct {
	Add      userAdd      `cmd:"" help:"Add a user to a tenant, with a one-time password."`
	List     userList     `cmd:"" help:"List a tenant's users."`
	Disable  userDisable  `cmd:"" help:"Keep a user out; sessions and API keys end at once."`
	Password userPassword `cmd:"" help:"Change one's own password."`
	Enrol    userEnrol    `cmd:"" help:"Enrol one's own second factor, an authenticator application."`
}

// Help is shown by `qrsd user --help`.
func (userCommand) Help() string {
	return `add, list and disable are for whoever unlocks the store, or with --user for an administrator of the tenant. password and enrol
are for the user.`
}

// peopleFlags name the tenant whose users are meant, and who asks.
type peopleFlags struct {
	storeFlags
	Tenant string `required:"" env:"QRSD_TENANT" placeholder:"TENANT" help:"Tenant, by name or id; appliance for the appliance itself, whose users are its operators."`
	User   string `env:"QRSD_USER" placeholder:"EMAIL" help:"Administrator of the tenant who asks, whose password is in the file named by QRSD_PASSWORD_FILE or typed. Without it, the appliance's operator asks."`
}

// at opens store and directory for whoever asks.
func (f peopleFlags) at(ctx context.Context, c console) (v *visit, tenant store.ID, leave func(*error), err error) {
	db, err := openStore(ctx, c, f.storeFlags)
	if err != nil {
		return nil, tenant, nil, err
	}
	tenant, err = db.Named(ctx, f.Tenant)
	if errors.Is(err, store.ErrNotFound) && f.Tenant == "appliance" {
		tenant, err = store.Appliance, nil
	}
	if err == nil && f.User != "" {
		v, err = tenantFlags{Tenant: f.Tenant, User: f.User}.signIn(ctx, db, tenant)
	} else {
		v = &visit{people: directory.Open(db, directory.Options{}), principal: operator()}
	}
	if err != nil {
		return nil, tenant, nil, errors.Join(err, db.Close())
	}
	return v, tenant, func(err *error) { *err = errors.Join(*err, v.leave(ctx), db.Close()) }, nil
}

// userAdd is `qrsd user add`.
type userAdd struct {
	Email string `arg:"" help:"E-mail address to sign in with."`
	peopleFlags
	Role         string `required:"" enum:"admin,modeler,analyst,approver,viewer,operator" help:"admin, modeler, analyst, approver or viewer; operator of the appliance."`
	Name         string `placeholder:"TEXT" help:"Name shown to others; the e-mail address unless told."`
	PasswordFile string `placeholder:"FILE" help:"Write the one-time password into this new file in place of showing it on the terminal."`
	JSON         bool   `help:"Print the user as JSON. The password is never in it."`
}

// Run carries out the command.
func (x *userAdd) Run(ctx context.Context, c console) (err error) {
	role, err := x.role()
	if err != nil {
		return err
	}
	if x.Name == "" {
		x.Name = x.Email
	}
	shown, err := keepOnce(x.PasswordFile, "--password-file")
	if err != nil {
		return err
	}
	made := false
	defer func() {
		if !made {
			err = errors.Join(err, giveBack(shown, x.PasswordFile))
		}
	}()
	v, tenant, leave, err := x.at(ctx, c)
	if err != nil {
		return err
	}
	defer leave(&err)
	u, password, err := v.people.AddUser(ctx, v.principal, tenant, directory.NewUser{Email: x.Email, Name: x.Name, Role: role})
	if err != nil {
		return err
	}
	made = true
	if err := giveOnce(shown, x.PasswordFile, password.Reveal(), "One-time password of "+u.Email+", good for seven days and one use:",
		"It is not shown again."); err != nil {
		return fmt.Errorf("the user was added, but the one-time password could not be given: %w; disable the user and add another", err)
	}
	if x.JSON {
		return printJSON(c.out, u)
	}
	fmt.Fprintf(c.out, "user %s added as %s: %s\n", u.Email, u.Role, u.ID)
	if x.PasswordFile != "" {
		fmt.Fprintf(c.out, "one-time password in %s: good for seven days and one use\n", x.PasswordFile)
	}
	if role == store.Operator {
		fmt.Fprintln(c.out, "next, by the operator: sign in to the server, choose an own password and enrol a second factor")
		return nil
	}
	fmt.Fprintf(c.out, "next, by the user: qrsd user password --tenant %q --user %s\n", x.Tenant, u.Email)
	return nil
}

// role is the one that the user is to have. Who operates is not asked for among the roles of a tenant.
func (x *userAdd) role() (store.Role, error) {
	if x.Role == store.Operator.String() {
		return store.Operator, nil
	}
	r, err := store.ParseRole(x.Role)
	if err != nil {
		return 0, &runner.ErrUsage{Reason: err.Error()}
	}
	return r, nil
}

// giveBack closes what a secret would have been given to, and removes it if it was made for it.
func giveBack(to *os.File, path string) error {
	err := to.Close()
	if path != "" {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// userList is `qrsd user list`.
type userList struct {
	peopleFlags
	JSON bool `help:"Print the users as JSON."`
}

// Run carries out the command.
func (x *userList) Run(ctx context.Context, c console) (err error) {
	v, tenant, leave, err := x.at(ctx, c)
	if err != nil {
		return err
	}
	defer leave(&err)
	all := []directory.User{}
	for after := store.Cursor(""); ; {
		page, err := v.people.Users(ctx, v.principal, tenant, after, 1000)
		if err != nil {
			return err
		}
		all = append(all, page.Users...)
		if after = page.Next; after == "" {
			break
		}
	}
	if x.JSON {
		return printJSON(c.out, all)
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "id\te-mail\tname\trole\tstate\tsecond factor\tsigned in")
	for _, u := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", u.ID, printableText(u.Email), printableText(u.Name), u.Role, u.State,
			map[bool]string{true: "yes", false: "no"}[u.SecondFactor], minute(u.SignedIn))
	}
	return t.Flush()
}

// userDisable is `qrsd user disable`.
type userDisable struct {
	Who string `arg:"" name:"user" help:"E-mail address or id of the user."`
	peopleFlags
	JSON bool `help:"Print the user's id as JSON."`
}

// Run carries out the command.
func (x *userDisable) Run(ctx context.Context, c console) (err error) {
	v, tenant, leave, err := x.at(ctx, c)
	if err != nil {
		return err
	}
	defer leave(&err)
	id, err := store.ParseID(x.Who)
	if strings.Contains(x.Who, "@") {
		var u directory.User
		u, err = v.people.UserByEmail(ctx, v.principal, tenant, x.Who)
		id = u.ID
	}
	if err != nil {
		return err
	}
	if err := v.people.Disable(ctx, v.principal, tenant, id); err != nil {
		return fmt.Errorf("user %s: %w", x.Who, err)
	}
	if x.JSON {
		return printJSON(c.out, struct {
			ID    store.ID `json:"id"`
			State string   `json:"state"`
		}{id, "disabled"})
	}
	fmt.Fprintf(c.out, "user %s is disabled: sessions have ended, API keys stopped\n", x.Who)
	return nil
}
